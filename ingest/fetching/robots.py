"""robots.txt: which pages of a site robots are asked to leave alone (RFC 9309).

It is asked for article pages, which we find by ourselves. It is not asked for a feed: somebody subscribed to that, as
in any feed reader. One that cannot be read forbids nothing, and is asked for again soon: the site may have none.
"""

import asyncio
import time
from collections import OrderedDict
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from protego import Protego

from ingest.children import AnalysisError, in_child
from ingest.decisions import Failure

from .fetch import AGENT, Fetcher
from .guard import FetchError

KEPT_FOR, UNREADABLE_FOR = 3600.0, 300.0  # seconds
MAX_HOSTS = 1_000


class Robots:
    """What the sites ask of us, kept for an hour, for 1,000 sites at most."""

    def __init__(self) -> None:
        # A site's text, or one that is being fetched, and until when it counts.
        self._texts: OrderedDict[str, tuple[asyncio.Task[bytes | None], float]] = OrderedDict()

    async def check(self, url: str, fetcher: Fetcher) -> None:
        """Raises FetchError(ROBOTS) when the site asks robots to leave `url` alone."""
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}".lower()
        text = await self._text_of(site, fetcher)
        # Most sites forbid nothing that concerns us: that is seen without a child.
        if text is None or b"disallow" not in text.lower():
            return
        try:
            allowed = await in_child(may_fetch, text, url)
        except AnalysisError:
            # Rules that cannot be read in ten seconds were not written to be.
            self._texts[site] = (_done(None), time.monotonic() + KEPT_FOR)
            return
        if not allowed:
            raise FetchError(Failure.ROBOTS)

    async def _text_of(self, site: str, fetcher: Fetcher) -> bytes | None:
        kept = self._texts.get(site)
        if kept is None or kept[1] < time.monotonic():
            # One question, however many of its pages are waiting.
            kept = (asyncio.create_task(self._fetch(site, fetcher)), time.monotonic() + KEPT_FOR)
            self._texts[site] = kept
            while len(self._texts) > MAX_HOSTS:
                self._texts.popitem(last=False)
        self._texts.move_to_end(site)
        try:
            return await asyncio.shield(kept[0])
        except asyncio.CancelledError:
            if kept[0].cancelled():
                return None
            raise

    async def _fetch(self, site: str, fetcher: Fetcher) -> bytes | None:
        try:
            return await fetcher.robots(f"{site}/robots.txt")
        except Exception as error:  # of any kind: the run whose fetcher this is may have ended meanwhile
            is_none = isinstance(error, FetchError) and error.code == Failure.NOT_FOUND
            if not is_none and site in self._texts:
                self._texts[site] = (self._texts[site][0], time.monotonic() + UNREADABLE_FOR)
            return None


def may_fetch(text: bytes, url: str) -> bool:
    """May we read `url`, by the rules in `text`? Runs in a child: rules may hold patterns that never end."""
    return bool(Protego.parse(text.decode("utf-8", errors="replace")).can_fetch(url, AGENT))


def _done(text: bytes | None) -> "asyncio.Task[bytes | None]":
    async def known() -> bytes | None:
        return text

    return asyncio.create_task(known())


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Robots] = WeakKeyDictionary()


def robots() -> Robots:
    """Those of the running event loop: what one run was told, the next one knows."""
    return _of_loop.setdefault(asyncio.get_running_loop(), Robots())
