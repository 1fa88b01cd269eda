"""Postgres and nginx as Debian packages them, each with files of its own: services of the machine are left alone."""

import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg

from statusproj.embedded_postgres.server import DATABASE
from tools.fleet.services import ROOT, Service, answers, free_port

SNIPPET = ROOT / "deploy" / "nginx" / "statusproj.conf"
ORDINARY = ("postgres", "nobody")  # whom root runs Postgres as: it refuses to run as root


class Missing(Exception):
    """A program is not installed; the words say how it would be."""


class DebianPostgres(Service):
    """The newest Postgres of Debian's packages, with a cluster in `folder`, over TCP on loopback, as an ordinary user.

    It flushes to disk as it comes. pg_stat_statements counts what it is asked. Raises Missing.
    """

    ends_on = signal.SIGINT  # clients are cut off; SIGTERM would wait for them

    def __init__(self, *, folder: Path, settings: Mapping[str, object] | None = None) -> None:
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/{DATABASE}"
        self.pgdata = folder / "debian-postgres"
        self._programs = _newest_postgres()
        self._made = False
        given = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_preload_libraries": "pg_stat_statements",
            **(settings or {}),
        }
        super().__init__(
            "postgres",
            [
                str(self._programs / "postgres"),
                *("-D", str(self.pgdata)),
                *(part for name, value in given.items() for part in ("-c", f"{name}={value}")),
            ],
            folder=folder,
            user=_ordinary_user(),
            is_ready=self._takes_questions,
        )

    @classmethod
    def is_there(cls) -> bool:
        """Is one installed?"""
        with suppress(Missing):
            return bool(_newest_postgres())
        return False

    def start(self, *, wait: bool = True) -> None:
        """Start it, after a kill as well: it recovers from its log. The first time it makes cluster and database."""
        if self._made:
            super().start(wait=wait)
            return
        self._make_cluster()
        super().start()
        with psycopg.connect(self.url.replace(f"/{DATABASE}", "/postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        self._made = True

    def kill(self) -> None:
        """SIGKILL for the postmaster; its children end because of it."""
        children = psutil.Process(self.pid).children()
        super().kill()
        psutil.wait_procs(children, timeout=30)

    def freeze(self, number: signal.Signals = signal.SIGSTOP) -> None:
        """SIGSTOP (or SIGCONT) for the postmaster and all its children: nobody is refused, nobody is answered."""
        for each in self.family():
            each.send_signal(number)

    def end(self) -> None:
        """Stop it for good."""
        self.stop()

    def _make_cluster(self) -> None:
        self.pgdata.mkdir()
        if (user := _ordinary_user()) is not None:
            account = pwd.getpwnam(user)
            os.chown(self.pgdata, account.pw_uid, account.pw_gid)
            self.pgdata.parent.chmod(0o711)  # a way in, and nothing to look at
        command = [
            str(self._programs / "initdb"),
            "-D",
            str(self.pgdata),
            "-U",
            "postgres",
            "--auth=trust",
            "--encoding=UTF8",
        ]
        done = subprocess.run(
            [*command, "--locale=C.UTF-8"], user=user, cwd="/", capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"initdb did not make a cluster: {done.stderr[-1000:]}")

    def _takes_questions(self) -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(self.url.replace(f"/{DATABASE}", "/postgres")):
            return True
        return False


class Nginx(Service):
    """nginx at `port` before web processes at `ports`, with our snippet of deploy/nginx, but no TLS. Raises Missing."""

    def __init__(self, *, folder: Path, port: int, ports: Sequence[int]) -> None:
        program = _nginx()
        if program is None:
            raise Missing("nginx is not installed; on Debian: apt-get install nginx-light")
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        place = folder / "nginx"
        place.mkdir()
        (place / "site.conf").write_text(plain_site(SNIPPET.read_text(), listen=port, ports=ports, logs=place))
        (place / "nginx.conf").write_text(_MAIN.format(place=place, user=_WWW_DATA if os.geteuid() == 0 else ""))
        super().__init__(
            "nginx",
            [program, "-p", str(place), "-c", str(place / "nginx.conf"), "-e", "stderr"],
            folder=folder,
            is_ready=lambda: answers(f"{self.url}/healthz"),
        )

    @classmethod
    def is_there(cls) -> bool:
        """Is it installed?"""
        return _nginx() is not None


def plain_site(snippet: str, *, listen: int, ports: Sequence[int], logs: Path) -> str:
    """Our snippet for nginx with another port, other web processes and no TLS. Raises ValueError where it has changed
    so that it is not known any more."""
    for pattern, instead in (
        (r"(    server 127\.0\.0\.1:\d+ (.*;)\n)+", "".join(rf"    server 127.0.0.1:{port} \2\n" for port in ports)),
        (r"server \{\n    listen 80;\n.*?\n\}\n\n", ""),  # what sends people to https
        (r"listen 443 ssl http2;", f"listen 127.0.0.1:{listen};"),
        (r"(    ssl_\w+ .*;\n)+", ""),
        (r"/var/log/nginx/", f"{logs}/"),
    ):
        snippet, found = re.subn(pattern, instead, snippet, flags=re.DOTALL if "listen 80" in pattern else 0)
        if found != 1:
            raise ValueError(f"{SNIPPET.name} has {found} places like {pattern!r}; tools/fleet/debian.py expects one")
    return snippet


_WWW_DATA = "user www-data;"
# As Debian's own, but in the foreground, and with its files in one place.
_MAIN = """{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {place}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    include {place}/site.conf;
}}
"""


def _newest_postgres() -> Path:
    found = {int(path.parent.name): path for path in Path("/usr/lib/postgresql").glob("[0-9]*/bin")}
    for version in sorted(found, reverse=True):
        if (found[version] / "initdb").exists():
            return found[version]
    raise Missing("Debian's Postgres is not installed; on Debian: apt-get install postgresql")


def _nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")


def _ordinary_user() -> str | None:
    """Whom to run it as, when we are root; None when we are not."""
    if os.geteuid() != 0:
        return None
    known = {account.pw_name for account in pwd.getpwall()}
    return next(name for name in ORDINARY if name in known)
