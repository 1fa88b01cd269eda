"""Pages and feeds over HTTP, within bounds a hostile server cannot stretch."""

import asyncio
import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from http.cookiejar import CookieJar
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpcore2
import httpx2
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from ingest.decisions import Failure

from .guard import FetchError, GuardedTransport, check_url
from .hosts import hosts
from .unpack import Unpacker

AGENT = "statusproj"
ROBOTS_BYTES = 500_000  # RFC 9309 wants that much read
PATIENCE = 5.0  # seconds a run waits for a host that asks it to
_REDIRECTS = {301, 302, 303, 307, 308}
_PERMANENT = {301, 308}
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_READABLE = (
    "text/",
    "application/xhtml",
    "application/xml",
    "application/rss",
    "application/atom",
    "application/rdf",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """How much of a server's time and bytes we take."""

    seconds: float = 20.0
    page_bytes: int = 3_000_000
    feed_bytes: int = 5_000_000
    redirects: int = 5
    per_host: int = 2
    connections: int = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What came back: `status` is 200, or 304 with an empty body. `moved_to`: where the address has moved for good."""

    url: str
    status: int
    body: bytes
    charset: str = ""
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    moved_to: str = ""


class Fetcher:
    """One run's HTTP client. Use as `async with Fetcher() as fetcher`."""

    def __init__(self, bounds: Bounds | None = None, *, allowed: frozenset[str] | None = None) -> None:
        self.bounds = bounds or Bounds()
        self._allowed = allowed_hosts() if allowed is None else allowed
        self._busy_until: dict[str, float] = {}
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=self.bounds.connections)
        self._client = httpx2.AsyncClient(
            transport=GuardedTransport(self._allowed, limits=limits),
            follow_redirects=False,
            trust_env=False,
            timeout=httpx2.Timeout(self.bounds.seconds),
            cookies=_NoCookies(),
            headers={
                "User-Agent": f"{AGENT}/0.1 (article collector)",
                "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.5",
                "Accept-Encoding": "gzip, deflate",
            },
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.aclose()

    async def page(self, url: str) -> Fetched:
        """The HTML behind `url`. Raises FetchError."""
        fetched = await self._get(url, limit=self.bounds.page_bytes, headers={})
        if fetched.content_type and not fetched.content_type.startswith(_READABLE):
            raise FetchError(Failure.BAD_CONTENT, fetched.content_type)
        return fetched

    async def feed(self, url: str, *, etag: str = "", last_modified: str = "") -> Fetched:
        """The feed behind `url`, or a 304 when it has not changed since. Raises FetchError."""
        headers = {"Accept": "application/atom+xml,application/rss+xml,application/xml;q=0.9,*/*;q=0.5"}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        return await self._get(url, limit=self.bounds.feed_bytes, headers=headers)

    async def robots(self, url: str) -> bytes:
        """The robots.txt behind `url`. Raises FetchError."""
        return (await self._get(url, limit=ROBOTS_BYTES, headers={"Accept": "text/plain,*/*;q=0.5"})).body

    async def _get(self, url: str, *, limit: int, headers: Mapping[str, str]) -> Fetched:
        check_url(url, self._allowed)
        host = urlsplit(url).netloc.lower()
        # The host's turn is waited for outside the deadline: our queue is not the server's fault.
        async with hosts().turn(host, self.bounds.per_host):
            await self._respect(host)
            try:
                async with asyncio.timeout(self.bounds.seconds):
                    return await self._follow(url, limit=limit, headers=headers)
            except (TimeoutError, httpx2.TimeoutException):
                raise FetchError(Failure.TIMEOUT, f"{self.bounds.seconds:g} s") from None
            except FetchError as error:
                # Too many requests are of all our requests; a page in trouble is one page.
                if error.code == Failure.BUSY and error.retry_after:
                    self._busy_until[host] = time.monotonic() + error.retry_after
                raise
            except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError):
                raise FetchError(Failure.BAD_URL) from None
            except (httpx2.HTTPError, httpcore2.ProtocolError, OSError) as error:
                raise FetchError(Failure.CONNECTION, type(error).__name__) from None

    async def _respect(self, host: str) -> None:
        """Wait as long as a host asked this run to, if that is soon over. Raises FetchError if it is not."""
        left = self._busy_until.get(host, 0.0) - time.monotonic()
        if left > PATIENCE:
            raise FetchError(Failure.BUSY, retry_after=left)
        await asyncio.sleep(max(0.0, left))

    async def _follow(self, url: str, *, limit: int, headers: Mapping[str, str]) -> Fetched:
        asked, moved_to = url, url
        for _hop in range(self.bounds.redirects + 1):
            check_url(url, self._allowed)
            async with self._client.stream("GET", url, headers=dict(headers)) as response:
                target = response.headers.get("location", "")
                if response.status_code in _REDIRECTS and target:
                    # For good as far as every step so far was for good.
                    is_permanent = moved_to == url and response.status_code in _PERMANENT
                    url = _absolute(url, target)
                    moved_to = url if is_permanent else moved_to
                    continue
                _check_status(response)
                body = b"" if response.status_code == 304 else await read_body(response, limit)
                content_type = response.headers.get("content-type", "")
                charset = _CHARSET.search(content_type)
                return Fetched(
                    url=url,
                    status=response.status_code,
                    body=body,
                    charset=charset[1] if charset else "",
                    content_type=content_type.partition(";")[0].strip().lower(),
                    etag=_mark(response, "etag", 500),
                    last_modified=_mark(response, "last-modified", 100),
                    moved_to=moved_to if moved_to == url != asked else "",
                )
        raise FetchError(Failure.TOO_MANY_REDIRECTS)


class _NoCookies(CookieJar):
    """A site's cookies are of no use to us, and would make one article's fetch depend on another's."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Keep none."""


_allowed_here: set[str] = set()


def allowed_hosts() -> frozenset[str]:
    """The exceptions to the guard: INGEST_ALLOWED_HOSTS of the settings, and those of this process."""
    return frozenset(getattr(settings, "INGEST_ALLOWED_HOSTS", ())) | _allowed_here


def allow_here(host: str) -> None:
    """Let fetches of this process reach `host`, such as "127.0.0.1:8765": a server it runs itself."""
    _allowed_here.add(host)


def disallow_here(host: str) -> None:
    """Take that back."""
    _allowed_here.discard(host)


async def read_body(response: httpx2.Response, limit: int) -> bytes:
    """The unpacked body, counted while it streams: a bomb is noticed at the limit, not after it went off."""
    unpacker = Unpacker(response.headers.get("content-encoding", ""), limit)
    async for piece in response.aiter_raw():
        unpacker.add(piece)
    return unpacker.body()


def _absolute(url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError:
        raise FetchError(Failure.BAD_URL, _("after a redirect")) from None


def _check_status(response: httpx2.Response) -> None:
    status = response.status_code
    if status in {200, 203, 304}:
        return
    if status == 404:
        raise FetchError(Failure.NOT_FOUND, "404")
    if status == 410:
        raise FetchError(Failure.GONE, "410")
    code = Failure.BUSY if status == 429 else Failure.HTTP_ERROR
    raise FetchError(code, str(status), retry_after=retry_after(response))


def _mark(response: httpx2.Response, name: str, longest: int) -> str:
    """The mark of a version, if it can be kept and sent back as it is: else the feed is read in full each time."""
    value: str = response.headers.get(name, "").strip()
    return value if len(value) <= longest and value.isascii() and value.isprintable() else ""


def retry_after(response: httpx2.Response) -> float | None:
    """Seconds the server asks us to stay away: a number, or a date."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value[:9])
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - timezone.now()).total_seconds())


__all__ = ["Bounds", "FetchError", "Fetched", "Fetcher", "allow_here", "allowed_hosts", "disallow_here"]
