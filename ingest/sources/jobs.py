"""Imports as runs: with a bar, in the ledger line by line, and taken up again where they were."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.tasks import TaskResult
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingest.collecting.notebook import key_of
from ingest.fetching.fetch import Fetcher
from ingest.models import Topic
from notifications.languages import in_language_of
from tasks.db import in_thread
from tasks.decorators import task
from tasks.exceptions import DoNotRetry

from .finding import Found, NothingFound, find_feeds
from .importing import Ending, Importer, Outcome, describe, refusal
from .lines import Line

if TYPE_CHECKING:
    from tasks.backend import TaskContext

SMALL = 200  # lines that are not worth a run
BATCH, LOOKS = 200, 8
FAILURES_KEPT = 200  # in the result; the ledger keeps all


@task(
    takes_context=True,
    max_attempts=3,
    timeout=timedelta(minutes=60),
    title=_("Import sources"),
    notification="ingest.sources.texts.import_outcome",
)
async def import_sources(
    context: "TaskContext", topic_id: int, lines: Sequence[dict[str, Any]], look: bool = False
) -> dict[str, Any]:
    """Add `lines` (number, url, title, folder) to the topic; with `look`, find the feeds of those that are pages."""
    topic = await in_thread(Topic.objects.filter(pk=topic_id, owner_id=context.owner_id).first)
    if topic is None:
        raise DoNotRetry(gettext("This topic does not exist any more."))
    wanted = [Line.from_json(line) for line in lines]
    only = None if context.items.only is None else set(context.items.only)
    if only is not None:
        wanted = [line for line in wanted if _key(line) in only]
    importer = await in_thread(Importer, topic)
    run = _Import(context, importer, look=look)
    # A retry of what failed finds fewer failures after a kill: it need not, and cannot, count how far it was.
    left = wanted[run.done :] if only is None else wanted
    async with Fetcher() as fetcher:
        for batch in batched(left, LOOKS if look else BATCH):
            await run.take(batch, fetcher, total=len(wanted))
    return {"topic_id": topic.pk, "topic": topic.name, **run.counts, "failures": run.failures}


class _Import:
    """How far one import has come. What a batch adds, and that it is done, is one transaction."""

    def __init__(self, context: "TaskContext", importer: Importer, *, look: bool) -> None:
        self._context, self._importer, self._look = context, importer, look
        noted = context.checkpoint.value
        # A person's retry finds the notes of the run it repeats, too.
        if not isinstance(noted, dict) or noted.get("run") != str(context.run_id) or context.items.only is not None:
            noted = {}
        self.done: int = noted.get("done", 0)
        self.counts: dict[str, int] = noted.get("counts", {ending.value: 0 for ending in Ending})
        self.failures: list[dict[str, Any]] = noted.get("failures", [])

    async def take(self, batch: Sequence[Line], fetcher: Fetcher, *, total: int) -> None:
        """Add one batch."""
        stage = gettext("Looking for feeds") if self._look else gettext("Adding sources")
        self._context.progress.update(processed=self.done, total=total, stage=stage, current_item=batch[0].url)
        found: dict[int, Found | NothingFound] = {}
        if self._look:
            looked = await asyncio.gather(*(_look(line, fetcher) for line in batch))
            found = {line.number: one for line, one in zip(batch, looked, strict=True) if one is not None}
        await in_thread(self._store, batch, found)
        self._context.progress.update(processed=self.done, total=total, message=describe(self.counts))

    def _store(self, batch: Sequence[Line], found: dict[int, Found | NothingFound]) -> None:
        lines, lost, sites = [], [], {}
        for line in batch:
            match found.get(line.number):
                case NothingFound() as nothing:
                    lost.append(Outcome(line=line, ending=Ending.FAILED, why=str(nothing)))
                case Found() as feed:
                    lines.append(
                        Line(number=line.number, url=feed.url, title=line.title or feed.title, folder=line.folder)
                    )
                    sites[feed.url] = feed.site_url
                case None:
                    lines.append(line)
        with transaction.atomic():
            outcomes = sorted([*self._importer.add(lines, site_urls=sites), *lost], key=lambda one: one.line.number)
            asked = {line.number: line for line in batch}
            for one in outcomes:
                self._note(_key(asked[one.line.number]), one)
            self.done += len(batch)
            self._context.checkpoint.save(
                {"run": str(self._context.run_id), "done": self.done, "counts": self.counts, "failures": self.failures}
            )

    def _note(self, key: str, one: Outcome) -> None:
        self.counts[one.ending.value] += 1
        if one.ending == Ending.FAILED:
            self._context.items.failed(key, one.why)
            if len(self.failures) < FAILURES_KEPT:
                self.failures.append(one.as_json())
        else:
            self._context.items.done(key, {"ending": one.ending.value, "url": one.line.url})


async def _look(line: Line, fetcher: Fetcher) -> Found | NothingFound | None:
    """The feed behind a line's address; None when the address itself cannot be used."""
    if not line.url or refusal(line.url):
        return None
    try:
        found = await find_feeds(line.url, fetcher)
    except NothingFound as nothing:
        return nothing
    if len(found) > 1:
        choices = ", ".join(one.url for one in found[:5])
        return NothingFound(
            gettext("This page names %(number)s feeds. Add the one you want: %(choices)s")
            % {"number": len(found), "choices": choices}
        )
    return found[0]


def start_import(topic: Topic, lines: Sequence[Line], *, look: bool = False) -> TaskResult:
    """Enqueue an import for the topic's owner. Raises tasks.exceptions.AlreadyRunning while another one is live."""
    with in_language_of(topic.owner_id):
        title = gettext("Import sources: %(topic)s") % {"topic": topic.name}
    configured = import_sources.using(
        owner=topic.owner,
        topic=f"import-{topic.pk}",
        unique=f"import-sources:{topic.pk}",
        title=title,
        metadata={"topic_id": topic.pk, "topic_name": topic.name},
    )
    return configured.enqueue(topic_id=topic.pk, lines=[line.as_json() for line in lines], look=look)


def _key(line: Line) -> str:
    return key_of(f"{line.number}: {line.url or line.title}")
