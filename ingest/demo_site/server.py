"""The demo site's HTTP server: a thread of this process, on loopback."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from ingest.fetching import fetch

from .articles import PUBLICATIONS, Entry, Kind, all_entries
from .feeds import feed, published
from .pages import page

OUTAGE = "/feeds/daily-outage.xml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How long the site takes, in seconds. Tests take none."""

    latency: tuple[float, float] = (0.05, 0.30)
    slow: float = 2.0
    drip: float = 0.5
    drip_for: float = 60.0


class DemoSite:
    """Serves the publications, with everything up to `edition`. Use as `with DemoSite() as site`.

    While it is up, fetches of this process may go to its address, which the guard would otherwise refuse.
    """

    def __init__(self, *, edition: int = 1, port: int | None = None, pace: Pace | None = None) -> None:
        self.edition = edition
        self.pace = pace or Pace()
        self.opened_at: datetime = timezone.now()
        self._stopping = threading.Event()
        wanted = int(getattr(settings, "DEMO_SITE_PORT", 8765)) if port is None else port
        self._server = _Server(("127.0.0.1", wanted), _Handler)
        self._server.site = self
        self._thread = threading.Thread(target=self._server.serve_forever, name="demo-site", daemon=True)
        self.requests: list[str] = []  # of feeds and pages, in the order they came

    @property
    def host(self) -> str:
        """`127.0.0.1:8765`."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The site's address, without a slash at the end."""
        return f"http://{self.host}"

    def feed_urls(self, world: str) -> list[str]:
        """The feeds of a world's publications."""
        return [f"{self.url}/feeds/{name}.xml" for name in PUBLICATIONS[world]]

    def entry_url(self, entry: Entry) -> str:
        """Where `entry` is read."""
        return f"{self.url}{entry.path}"

    def start(self) -> Self:
        """Open for readers."""
        fetch.allow_here(self.host)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close; readers of endless pages are sent away."""
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        fetch.disallow_here(self.host)

    def wait(self, seconds: float) -> bool:
        """Let time pass. False when the site is closing."""
        return not self._stopping.wait(seconds) if seconds else not self._stopping.is_set()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def find(self, path: str) -> tuple[Entry, int] | None:
        """The entry at `path` and how many are newer than it."""
        for world in PUBLICATIONS:
            everything = list(all_entries(world, self.edition))
            for age, entry in enumerate(reversed(everything)):
                if entry.path == path:
                    return entry, age
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Nobody waits for readers that keep their connection open.
    block_on_close = False
    site: DemoSite

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Readers that hang up are none of our business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    # Head and body are two writes; without this the second would wait for the reader's delayed acknowledgement.
    disable_nagle_algorithm = True

    @property
    def site(self) -> DemoSite:
        return cast(_Server, self.server).site

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/robots.txt":
            self._answer(200, b"User-agent: *\nAllow: /\n", "text/plain")
            return
        self.site.requests.append(path)
        low, high = self.site.pace.latency
        # The same page always takes the same time, whatever the machine.
        share = hashlib.blake2b(path.encode(), digest_size=1).digest()[0] / 255
        if not self.site.wait(low + share * (high - low)):
            return
        if path == OUTAGE:
            self._answer(503, b"Back soon.", "text/plain", {"Retry-After": "600"})
        elif path.startswith("/feeds/"):
            self._feed(path.removeprefix("/feeds/").removesuffix(".xml"))
        elif (found := self.site.find(path)) is not None:
            self._entry(*found)
        else:
            self._answer(404, b"<html><body><h1>Not found</h1></body></html>")

    def _feed(self, name: str) -> None:
        if not any(name in names for names in PUBLICATIONS.values()):
            self._answer(404, b"No such feed.", "text/plain")
            return
        etag = f'"{name}-{self.site.edition}"'
        if self.headers.get("If-None-Match") == etag:
            self._answer(304, b"", headers={"ETag": etag})
            return
        body, content_type = feed(name, self.site.edition, self.site.url, self.site.opened_at)
        self._answer(200, body, content_type, {"ETag": etag})

    def _entry(self, entry: Entry, age: int) -> None:
        specials: dict[Kind, Callable[[], None]] = {
            Kind.MISSING: lambda: self._answer(404, b"<html><body><h1>Gone fishing</h1></body></html>"),
            Kind.ERROR: lambda: self._answer(500, b"<html><body><h1>Oops</h1></body></html>"),
            Kind.PDF: lambda: self._answer(200, b"%PDF-1.7 not really", "application/pdf"),
            Kind.DRIP: self._drip,
        }
        if entry.kind in specials:
            specials[entry.kind]()
            return
        if entry.kind == Kind.SLOW:
            self.site.wait(self.site.pace.slow)
        self._answer(200, page(entry, published(entry, age, self.site.opened_at)))

    def _drip(self) -> None:
        """A page that never ends: a read timeout alone would wait for it for ever."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        until = time.monotonic() + self.site.pace.drip_for
        try:
            while time.monotonic() < until and self.site.wait(self.site.pace.drip):
                self.wfile.write(b"<p>")
                self.wfile.flush()
        except OSError:
            pass
        self.close_connection = True

    def _answer(
        self,
        status: int,
        body: bytes,
        content_type: str = "text/html; charset=utf-8",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if status != 304:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are counted in tests, not logged."""
