"""The first half of a run: what is new in a topic's sources?"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from django.utils import timezone
from django.utils.translation import ngettext

from ingest import store
from ingest.children import AnalysisError, in_child, one_run
from ingest.collecting.notebook import Notebook
from ingest.collecting.reporting import Reporter, Stage
from ingest.models import Source, Topic
from ingest.sources import notes
from tasks.db import in_thread

from .feeds import Feed, NotAFeed, parse_feed
from .fetch import Fetcher
from .guard import FetchError


@dataclass(kw_only=True, slots=True)
class Discovery:
    """What reading the sources brought. `candidates` is filled in a dry run alone: else the rows are the
    list.
    """

    new: int = 0
    read: int = 0
    unchanged: int = 0
    failed: int = 0
    waiting: int = 0
    candidates: dict[str, store.Candidate] = field(default_factory=dict)

    def count(self, how: str, new: int) -> None:
        """One more source: `how` is the name of a count above."""
        setattr(self, how, getattr(self, how) + 1)
        self.new += new

    def as_json(self) -> dict[str, int]:
        """The counts for the outcome."""
        return {
            "read": self.read,
            "unchanged": self.unchanged,
            "failed": self.failed,
            "waiting": self.waiting,
        }


async def discover(
    topic: Topic,
    fetcher: Fetcher,
    progress: Reporter,
    notebook: Notebook,
    *,
    only: Collection[int] | None = None,
    dry_run: bool = False,
) -> Discovery:
    """Read every source of `topic` that may be read now and store its new entries as pending articles.

    With `only`, the sources of these ids alone. Paused ones are never read.

    A source in trouble is noted with the source and does not stop the others. What an earlier attempt of the run has
    read is not read again, but counted. A dry run stores nothing, so it reads everything again.
    """
    wanted = topic.sources.filter(is_paused=False).select_related("topic")
    if only is not None:
        wanted = wanted.filter(pk__in=only)
    sources = await in_thread(lambda: list(wanted))
    now = timezone.now()
    found, due = Discovery(), []
    for source in sources:
        noted = None if dry_run else notebook.feed(source.pk)
        if noted is not None:
            found.count(noted["how"], noted["new"])
        elif source.next_check_at is None or source.next_check_at <= now:
            due.append(source)
        else:
            found.waiting += 1
    message = ngettext("Reading %(count)s feed", "Reading %(count)s feeds", len(due)) % {"count": len(due)}
    progress.update(stage=str(Stage.FEEDS), message=message)
    # 200 feeds on 200 hosts are not read at once.
    room = asyncio.Semaphore(fetcher.bounds.connections)
    with one_run():
        async with asyncio.TaskGroup() as group:
            for source in due:
                await room.acquire()
                reading = group.create_task(
                    _read_and_note(topic, source, fetcher, progress, notebook, found, dry_run=dry_run)
                )
                reading.add_done_callback(lambda _done: room.release())
    return found


async def _read_and_note(
    topic: Topic,
    source: Source,
    fetcher: Fetcher,
    progress: Reporter,
    notebook: Notebook,
    found: Discovery,
    *,
    dry_run: bool,
) -> None:
    how, new = await _read(topic, source, fetcher, progress, found, dry_run=dry_run)
    found.count(how, new)
    if not dry_run:
        await notebook.note_feed(source.pk, how, new)


async def _read(
    topic: Topic, source: Source, fetcher: Fetcher, progress: Reporter, found: Discovery, *, dry_run: bool
) -> tuple[str, int]:
    """Read one source. Returns how that went (the name of a count) and how many entries are new."""
    progress.update(current_item=str(source))
    # A dry run asks for everything: nothing it is told is kept.
    conditions = {} if dry_run else {"etag": source.etag, "last_modified": source.last_modified}
    try:
        fetched = await fetcher.feed(source.url, **conditions)
        if fetched.status == 304:
            if not dry_run:
                await in_thread(notes.note_unchanged, source)
            return "unchanged", 0
        feed = await in_child(parse_feed, fetched.body, fetched.url, fetched.content_type)
    except (FetchError, AnalysisError, NotAFeed) as error:
        if not dry_run:
            await in_thread(notes.note_failure, source, error)
        return "failed", 0
    if dry_run:
        return "read", await _look(topic, source, feed, found)
    # Entries first: were the etag kept and the entries lost, the feed would say "nothing new" for ever.
    candidates = store.candidates_of(feed.entries, str(source))
    new = await in_thread(store.add_articles, topic.pk, source.pk, candidates)
    await in_thread(notes.note_success, source, fetched, feed, new=new)
    return "read", new


async def _look(topic: Topic, source: Source, feed: Feed, found: Discovery) -> int:
    """Note the new entries as candidates. Returns how many no other source had told of."""
    candidates = store.candidates_of(feed.entries, str(source))
    new = await in_thread(store.only_new, topic.pk, candidates)
    before = len(found.candidates)
    for address, candidate in new.items():
        found.candidates.setdefault(address, candidate)
    return len(found.candidates) - before
