"""What a run has done so far, noted where its next attempt finds it, and how each article ended, noted for people.

The run's checkpoint keeps which feeds were read, and the decisions that no article row keeps: those of a dry run and
of an analysis that saves nothing. Its ledger keeps one line per article, by which "Retry what failed" knows them.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tasks.exceptions import RunStopped
from tasks.ledger import MAX_KEY

from .models import Topic
from .store import Candidate, Decided

if TYPE_CHECKING:
    from tasks.checkpoint import Checkpoint
    from tasks.ledger import Items

ROOM = 900_000  # characters of decisions; what does not fit is read again after a kill


class Notebook:
    """The notes of one run. Without a checkpoint and a ledger they last as long as this attempt."""

    def __init__(self, run_id: UUID, *, checkpoint: "Checkpoint | None" = None, items: "Items | None" = None) -> None:
        self._run = str(run_id)
        self._checkpoint, self._items = checkpoint, items
        noted = checkpoint.value if checkpoint is not None else None
        if not isinstance(noted, dict) or noted.get("run") != self._run:
            # A person's retry of yesterday's run finds its notes, too: it is to read the feeds of today.
            noted = {}
        self._feeds: dict[str, dict[str, Any]] = noted.get("feeds", {})
        self._rows: dict[str, list[dict[str, Any]]] = noted.get("rows", {})
        self._size = len(json.dumps(self._rows))
        self._lock = asyncio.Lock()

    @property
    def only(self) -> set[str] | None:
        """The keys of the articles that somebody asked to retry; None when everything is to be done."""
        return None if self._items is None or self._items.only is None else set(self._items.only)

    def wanted(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Those of `candidates` that this run is to decide."""
        only = self.only
        return [one for one in candidates if only is None or key_of(one.url) in only]

    def feed(self, source_id: int) -> dict[str, Any] | None:
        """What came of reading a feed earlier in this run (`how`, `new`); None when it was not read yet."""
        return self._feeds.get(str(source_id))

    async def note_feed(self, source_id: int, how: str, new: int = 0) -> None:
        """The feed was read, and its entries are stored."""
        self._feeds[str(source_id)] = {"how": how, "new": new}
        await self._save()

    def rows(self, topic: Topic) -> list[dict[str, Any]]:
        """The decisions for `topic` that earlier attempts noted."""
        return list(self._rows.get(str(topic.pk), ()))

    async def note_decisions(self, topic: Topic, decided: Sequence[Decided], rows: Sequence[dict[str, Any]]) -> None:
        """These articles are decided, and saved if they are to be; `rows` are the decisions nobody else keeps."""
        for one in decided:
            self._tell(one)
        kept = self._rows.setdefault(str(topic.pk), [])
        for row in rows:
            size = len(json.dumps(row)) + 2
            if self._size + size <= ROOM:
                self._size += size
                kept.append(row)
        if rows:
            await self._save()

    def _tell(self, one: Decided) -> None:
        if self._items is None:
            return
        key = key_of(one.candidate.url)
        with suppress(RunStopped):  # it is recorded all the same; the next progress call stops the run
            if one.verdict.failure:
                self._items.failed(key, str(one.verdict.reasons.get("failure") or one.verdict.failure.label))
            else:
                self._items.done(key, {"decision": one.verdict.decision.value, "title": one.candidate.title})

    async def _save(self) -> None:
        if self._checkpoint is None:
            return
        # One after the other: feeds are read side by side, and the older notes must not replace the newer.
        async with self._lock:
            await self._checkpoint.asave({"run": self._run, "feeds": self._feeds, "rows": self._rows})


def key_of(url: str) -> str:
    """What the ledger calls the article at `url`: its address, shortened to something as unique."""
    return url if len(url) <= MAX_KEY else f"{url[: MAX_KEY - 65]}#{sha256(url.encode()).hexdigest()}"
