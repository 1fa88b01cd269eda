"""One process that can be started, killed, frozen and started again, with what it prints kept in a file."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(look: Callable[[], object], *, within: float, what: str) -> None:
    """Look until it is so. Raises TimeoutError that says `what` was waited for, in seconds."""
    deadline = time.monotonic() + within
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:.0f} s: {what}")
        time.sleep(0.05)


class Service:
    """A named process. `is_ready` is asked until it says yes, each time it was started. `user`: as whom, if not us."""

    ends_on = signal.SIGTERM  # what it is told when it is to end

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        is_ready: Callable[[], bool] = lambda: True,
        patience: float = 60,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.starts = 0
        self._command = list(command)
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self._user = user
        self._is_ready = is_ready
        self.patience = patience  # seconds a start may take
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    def is_running(self) -> bool:
        """Was it started, and has it not ended?"""
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait: bool = True) -> None:
        """Start the process and wait until it is ready, unless told not to. Raises TimeoutError, or RuntimeError with
        the end of its log when it ends at once."""
        if self.is_running():
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT if self._user is None else "/",  # where it may be
                env=self._environment,
                user=self._user,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.starts += 1
        if wait:
            until(self._looks_ready, within=self.patience, what=f"{self.name} is ready; see {self.log}")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; one that has ended does not mind."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until the kernel has taken it away. Its children notice by themselves."""
        self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(30)

    def stop(self, *, within: float = 30) -> int | None:
        """Tell it to end, and wait; SIGKILL when that does not end it. Returns the exit code."""
        if self._process is None:
            return None
        self.send(signal.SIGCONT)
        self.send(self.ends_on)
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    def family(self) -> list[psutil.Process]:
        """The process and its children, as far as they live."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        return []

    def _looks_ready(self) -> bool:
        if not self.is_running():
            raise RuntimeError(f"{self.name} ended at once:\n{self.log.read_text(errors='replace')[-2000:]}")
        return self._is_ready()


def answers(url: str) -> bool:
    """Does somebody answer there, with whatever but a server's error?"""
    try:
        with urlopen(url, timeout=5):  # noqa: S310 - loopback, an address of our own making
            return True
    except HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def listens(port: int) -> bool:
    """Does somebody take connections at this port of loopback?"""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
