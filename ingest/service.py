"""Auto-ingest: from a topic's sources to decided articles, with progress all the way."""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from tasks.db import in_thread

from . import store
from .collecting.collector import Collector
from .collecting.notebook import Notebook
from .collecting.outcomes import Tally, outcome_of
from .collecting.reporting import Reporter
from .decisions import Decision
from .duplicates import clusters
from .duplicates.dedupe import Known, Seen
from .fetching.discovery import Discovery, discover
from .fetching.fetch import Fetcher
from .models import Topic
from .reading.relevance import Rules
from .rules import rules_of
from .store import Candidate


def get_pending_articles(topic_id: int, limit: int | None = None) -> list[Candidate]:
    """The topic's articles that nobody has decided yet, oldest first. Sync; call it in a thread."""
    return store.pending_candidates(topic_id, limit)


async def run_auto_ingest(
    topic: Topic,
    *,
    progress: Reporter,
    run_id: UUID,
    limit: int | None = None,
    sources: Collection[int] | None = None,
    dry_run: bool = False,
    counted_before: int = 0,
    fetcher: Fetcher | None = None,
    notebook: Notebook | None = None,
) -> dict[str, Any]:
    """Find what is new in the topic's sources (of `sources` alone, if given) and decide every pending article, `limit`
    at most.

    Taken up again after a kill, it goes on with what is left, by its `notebook` and by the articles themselves; its
    numbers include what it had done before. A dry run reads and judges the new entries, and stores nothing. A run that
    retries what failed reads no feed, and decides those articles alone. Returns the outcome, as it is kept with the
    run.
    """
    started = time.monotonic()
    notebook = notebook or Notebook(run_id)
    async with fetcher or Fetcher() as client:
        before: dict[str, int] = {}
        noted: list[dict[str, Any]] = []
        if notebook.only is not None and not dry_run:
            found = Discovery()
            before = await in_thread(_decided_before, topic, notebook, run_id)
            candidates = await in_thread(_failed_before, topic.pk, notebook, run_id)
        elif dry_run:
            noted = await in_thread(notebook.rows, topic)
            found = await discover(topic, client, progress, notebook, only=sources, dry_run=True)
            new = [replace(one, id=-number) for number, one in enumerate(found.candidates.values(), start=1)]
            candidates = notebook.wanted(new)[:limit]
        else:
            found = await discover(topic, client, progress, notebook, only=sources)
            before = await in_thread(_decided_before, topic, notebook, run_id)
            left = None if limit is None else max(0, limit - sum(before.values()))
            candidates = await in_thread(get_pending_articles, topic.pk, left)
        tally = await process_articles_batch(
            topic,
            candidates,
            progress=progress,
            run_id=run_id,
            fetcher=client,
            done_before=counted_before + sum(before.values()),
            save=not dry_run,
            noted=noted,
            notebook=notebook,
        )
    decisions, failures = tally.in_all()
    if not dry_run:
        decisions, failures = await in_thread(store.count_decisions, run_id, topic.pk)
    return {
        **outcome_of(topic, decisions, failures, tally, dry_run=dry_run),
        "found": found.new,
        "sources": found.as_json(),
        "seconds": round(time.monotonic() - started, 2),
    }


def _decided_before(topic: Topic, notebook: Notebook, run_id: UUID) -> dict[str, int]:
    """What earlier attempts of this run decided, by decision. The last may have been killed before it noted all."""
    notebook.catch_up(topic)
    decisions, _ = store.count_decisions(run_id, topic.pk)
    return decisions


def _failed_before(topic_id: int, notebook: Notebook, run_id: UUID) -> list[Candidate]:
    """What a retry of the failed articles still has to decide: pending again."""
    ids = [one.id for one in notebook.wanted(store.failed_candidates(topic_id))]
    store.reopen_failed(topic_id, ids, run_id)
    return notebook.wanted(store.pending_candidates(topic_id))


async def process_articles_batch(
    topic: Topic,
    candidates: Sequence[Candidate],
    *,
    progress: Reporter,
    run_id: UUID,
    fetcher: Fetcher,
    rules: Rules | None = None,
    done_before: int = 0,
    save: bool = True,
    noted: Sequence[dict[str, Any]] = (),
    notebook: Notebook | None = None,
) -> Tally:
    """Fetch, analyse, judge and save `candidates`; each ends with a decision and its reasons.

    What is `noted` (the notebook's rows) was decided by earlier attempts, and is not decided again.
    """
    notebook = notebook or Notebook(run_id)
    done = {row["url"] for row in noted}
    candidates = [one for one in candidates if one.url not in done]
    done_before += len(noted)
    if rules is None:
        rules = await in_thread(rules_of, topic)
    seen = Seen(await in_thread(clusters.recent_stories, topic.pk) if topic.pk else ())
    for number, row in enumerate(noted, start=1):
        if not save and row["decision"] == Decision.APPROVED:
            seen.add(Known(id=-len(candidates) - number, simhash=row.get("simhash")))
    collector = Collector(
        topic=topic,
        rules=rules,
        seen=seen,
        progress=progress,
        fetcher=fetcher,
        run_id=run_id,
        save=save,
        notebook=notebook,
        done=done_before,
        total=done_before + len(candidates),
    )
    tally = await collector.collect(candidates)
    tally.noted = noted
    return tally
