"""What a run has done so far, noted where its next attempt finds it, and how each article ended, noted for people.

The run's checkpoint keeps which feeds were read. Its ledger keeps one row per article: by it people see and export what
came of each, "Retry what failed" knows which failed, and a run that saves nothing knows what it has decided already.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ingest.models import Article, Topic
from ingest.store import Candidate, Decided
from tasks.exceptions import RunStopped
from tasks.ledger import MAX_KEY, remembered
from tasks.text import fit

from .outcomes import row_of, row_of_article

if TYPE_CHECKING:
    from tasks.checkpoint import Checkpoint
    from tasks.ledger import Items


class Notebook:
    """The notes of one run. Without a checkpoint and a ledger they last as long as this attempt."""

    def __init__(self, run_id: UUID, *, checkpoint: "Checkpoint | None" = None, items: "Items | None" = None) -> None:
        self._run = run_id
        self._checkpoint, self._items = checkpoint, items
        noted = checkpoint.value if checkpoint is not None else None
        if not isinstance(noted, dict) or noted.get("run") != str(run_id):
            # A person's retry of yesterday's run finds its notes, too: it is to read the feeds of today.
            noted = {}
        self._feeds: dict[str, dict[str, Any]] = noted.get("feeds", {})
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
        if self._checkpoint is None:
            return
        # One after the other: feeds are read side by side, and the older notes must not replace the newer.
        async with self._lock:
            await self._checkpoint.asave({"run": str(self._run), "feeds": self._feeds})

    def rows(self, topic: Topic) -> list[dict[str, Any]]:
        """What earlier attempts decided for `topic`, as `row_of` says it. Database work; call it in a thread."""
        if self._items is None:
            return []
        to_do = self.only or set()
        return [
            data
            for key, data in remembered(self._run)
            if isinstance(data, dict) and data.get("topic") == topic.pk and key not in to_do
        ]

    def catch_up(self, topic: Topic) -> None:
        """Note what earlier attempts decided and saved, but were killed before they could note it. In a thread."""
        decided = Article.objects.decided_by(self._run).filter(topic=topic)
        if self._items is None or not decided.exists():
            return
        # What somebody asked to retry stands there as it failed before, so the words count and not the row alone.
        noted = {key: isinstance(data, dict) and data.get("decision") for key, data in remembered(self._run)}
        for article in decided.order_by("decided_at", "pk").defer("text", "summary").iterator():
            if noted.get(key_of(article.url)) != article.decision:
                self.tell(row_of_article(article, article.url, self._run))

    def note_decisions(self, topic: Topic, decided: Sequence[Decided]) -> None:
        """These articles are decided, and saved if they are to be. Stored within a fifth of a second."""
        for one in decided:
            self.tell(
                {**row_of(one), "topic": topic.pk, "simhash": one.analysis.reading.simhash if one.analysis else None}
            )

    def tell(self, row: dict[str, Any]) -> None:
        """How the article at `row["url"]` ended; the row as `row_of` says it, with its topic."""
        if self._items is None:
            return
        key, row = key_of(row["url"]), {**row, "title": fit(row["title"], 500), "reason": fit(row["reason"], 1000)}
        with suppress(RunStopped):  # it is recorded all the same; the next progress call stops the run
            if row["failure"]:
                self._items.failed(key, row["reason"], row)
            else:
                self._items.done(key, row, label=row["decision"])


def key_of(url: str) -> str:
    """What the ledger calls the article at `url`: its address, shortened to something as unique."""
    return url if len(url) <= MAX_KEY else f"{url[: MAX_KEY - 65]}#{sha256(url.encode()).hexdigest()}"
