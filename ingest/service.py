"""Auto-ingest: from a topic's sources to decided articles, with progress all the way."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from tasks.db import in_thread
from tasks.exceptions import RunStopped

from . import analysis as stages
from . import store
from .children import AnalysisError, in_child
from .decisions import Decision, Failure
from .dedupe import Seen
from .discovery import Discovery, discover
from .fetch import Fetched, Fetcher
from .guard import FetchError
from .models import Topic
from .notebook import Notebook
from .queue import AnalysisOutcome, AnalysisQueue, AnalysisTask
from .relevance import Rules
from .reporting import Reporter, Stage
from .store import Candidate, Decided
from .verdicts import Analysis, fail, judge

logger = logging.getLogger(__name__)

BATCH = 20
# Decisions wait for company this long at most, so that a page shows them soon and a kill loses few.
SAVE_AFTER_SECONDS = 1.0


def get_pending_articles(topic_id: int, limit: int | None = None) -> list[Candidate]:
    """The topic's articles that nobody has decided yet, oldest first. Sync; call it in a thread."""
    return store.pending_candidates(topic_id, limit)


async def run_auto_ingest(
    topic: Topic,
    *,
    progress: Reporter,
    run_id: UUID,
    limit: int | None = None,
    dry_run: bool = False,
    counted_before: int = 0,
    fetcher: Fetcher | None = None,
    notebook: Notebook | None = None,
) -> dict[str, Any]:
    """Find what is new in the topic's sources and decide every pending article, `limit` at most.

    Taken up again after a kill, it goes on with what is left, by its `notebook` and by the articles themselves; its
    numbers include what it had done before. A dry run reads and judges the new entries, and stores nothing. A run that
    retries what failed reads no feed, and decides those articles alone. Returns the outcome, as it is kept with the
    run.
    """
    started = time.monotonic()
    notebook = notebook or Notebook(run_id)
    async with fetcher or Fetcher() as client:
        before: dict[str, int] = {}
        if notebook.only is not None and not dry_run:
            found = Discovery()
            before, _ = await in_thread(store.count_decisions, run_id, topic.pk)
            candidates = await in_thread(_failed_before, topic.pk, notebook, run_id)
        elif dry_run:
            found = await discover(topic, client, progress, notebook, dry_run=True)
            new = [replace(one, id=-number) for number, one in enumerate(found.candidates.values(), start=1)]
            candidates = notebook.wanted(new)[:limit]
        else:
            found = await discover(topic, client, progress, notebook)
            before, _ = await in_thread(store.count_decisions, run_id, topic.pk)
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


def _failed_before(topic_id: int, notebook: Notebook, run_id: UUID) -> list[Candidate]:
    """What a retry of the failed articles still has to decide: pending again."""
    ids = [one.id for one in notebook.wanted(store.failed_candidates(topic_id))]
    store.reopen_failed(topic_id, ids, run_id)
    return notebook.wanted(store.pending_candidates(topic_id))


@dataclass(kw_only=True, slots=True)
class Tally:
    """What a call to process_articles_batch did. `noted`: what earlier attempts had decided and nobody saved."""

    decisions: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    noted: list[dict[str, Any]] = field(default_factory=list)
    decided_elsewhere: int = 0
    seconds: float = 0.0
    results: list[dict[str, Any]] = field(default_factory=list)

    def in_all(self) -> tuple[dict[str, int], dict[str, int]]:
        """Articles per decision and per failure code, those of earlier attempts included."""
        decisions = self.decisions + Counter(row["decision"] for row in self.noted)
        failures = self.failures + Counter(row["failure"] for row in self.noted if row["failure"])
        return dict(decisions), dict(failures)


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
    keep_results: bool = False,
    notebook: Notebook | None = None,
) -> Tally:
    """Fetch, analyse, judge and save `candidates`; each ends with a decision and its reasons.

    With `keep_results`, or when nothing is saved, what earlier attempts decided is taken from the `notebook`.
    """
    notebook = notebook or Notebook(run_id)
    keep_rows = keep_results or not save
    noted = notebook.rows(topic) if keep_rows else []
    if not save:
        done = {row["url"] for row in noted}
        candidates = [one for one in candidates if one.url not in done]
        done_before += len(noted)
    if rules is None:
        rules = await in_thread(store.rules_of, topic)
    seen = Seen(await in_thread(store.recent_texts, topic.pk) if topic.pk else None)
    collector = _Collector(
        topic=topic,
        rules=rules,
        seen=seen,
        progress=progress,
        fetcher=fetcher,
        run_id=run_id,
        save=save,
        keep_rows=keep_rows,
        notebook=notebook,
        done=done_before,
        total=done_before + len(candidates),
    )
    tally = await collector.collect(candidates)
    if not save:
        tally.noted = noted
    if keep_results:
        tally.results = noted + collector.rows
    return tally


class _Collector:
    """The second half of one run: a queue of articles, and one place where they are judged and saved, in
    order.
    """

    def __init__(
        self,
        *,
        topic: Topic,
        rules: Rules,
        seen: Seen,
        progress: Reporter,
        fetcher: Fetcher,
        run_id: UUID,
        save: bool,
        keep_rows: bool,
        notebook: Notebook,
        done: int,
        total: int,
    ) -> None:
        self._topic, self._rules, self._seen = topic, rules, seen
        self._progress, self._fetcher, self._run_id = progress, fetcher, run_id
        self._save, self._keep_rows, self._notebook = save, keep_rows, notebook
        self._done, self._total = done, total
        self._before = done
        self._unsaved: list[Decided] = []
        self._saved_at = time.monotonic()
        self._batch: list[dict[str, Any]] = []
        self._batches = 0
        self.rows: list[dict[str, Any]] = []
        self._tally = Tally()

    async def collect(self, candidates: Sequence[Candidate]) -> Tally:
        """Work through `candidates`. When stopped half-way, what is decided is saved first."""
        started = time.monotonic()
        self._progress.update(
            processed=self._done,
            total=self._total,
            message=f"{self._total:,} articles to read" if self._total else "Nothing new",
        )
        tasks = (AnalysisTask(url=one.url, topic=self._topic.name, metadata={"candidate": one}) for one in candidates)
        try:
            async with AnalysisQueue(self._fetch, self._analyse) as queue:
                async for outcome in queue.process(tasks):
                    await self._take(outcome)
                    if self._save_is_due():
                        await self._flush()
        finally:
            await self._flush(quietly=True)
        if self._batch:
            self._report_batch()
        self._tally.seconds = time.monotonic() - started
        return self._tally

    async def _fetch(self, task: AnalysisTask) -> Fetched:
        candidate: Candidate = task.metadata["candidate"]
        self._progress.update(stage=Stage.FETCHING, current_item=candidate.label)
        return await self._fetcher.page(candidate.url)

    async def _analyse(self, task: AnalysisTask, page: Fetched) -> Analysis:
        candidate: Candidate = task.metadata["candidate"]
        self._progress.update(stage=Stage.ANALYZING, current_item=candidate.label)
        reading = await in_child(stages.read_page, page.body, page.url, page.charset, candidate.title)
        if not reading.text:
            raise AnalysisError(Failure.NO_TEXT)
        self._progress.update(stage=Stage.RELEVANCE, current_item=candidate.label)
        relevance = await in_child(stages.judge_relevance, reading, self._rules)
        self._progress.update(stage=Stage.QUALITY, current_item=candidate.label)
        quality = await in_child(stages.judge_quality, reading)
        return Analysis(reading=reading, scores=stages.Scores(relevance=relevance, quality=quality))

    async def _take(self, outcome: AnalysisOutcome[Analysis]) -> None:
        decided = self._decide(outcome)
        self._unsaved.append(decided)
        self._tally.decisions[decided.verdict.decision.value] += 1
        if decided.verdict.failure:
            self._tally.failures[decided.verdict.failure.value] += 1
        self._done += 1
        self._batch.append(_row(decided))
        self._progress.update(
            processed=self._done,
            current_item=decided.candidate.label,
            message=describe(self._tally.decisions),
        )
        if len(self._batch) == BATCH:
            self._report_batch()

    def _decide(self, outcome: AnalysisOutcome[Analysis]) -> Decided:
        candidate: Candidate = outcome.task.metadata["candidate"]
        if outcome.error is not None or outcome.result is None:
            error = outcome.error or AnalysisError(Failure.ANALYSIS_CRASHED)
            if not isinstance(error, FetchError | AnalysisError):
                logger.error("Article %s could not be analysed", candidate.url, exc_info=error)
            return Decided(candidate=candidate, verdict=fail(error))
        analysis = outcome.result
        twin = self._seen.twin_of(analysis.reading.simhash)
        verdict = judge(analysis, self._rules, twin)
        if verdict.decision == Decision.APPROVED:
            self._seen.add(candidate.id, analysis.reading.simhash)
        return Decided(candidate=candidate, verdict=verdict, analysis=analysis)

    def _save_is_due(self) -> bool:
        return len(self._unsaved) >= BATCH or time.monotonic() - self._saved_at >= SAVE_AFTER_SECONDS

    async def _flush(self, *, quietly: bool = False) -> None:
        unsaved, self._unsaved = self._unsaved, []
        if self._save and unsaved:
            if not quietly:
                self._progress.update(stage=Stage.SAVING)
            written = await in_thread(store.save_decisions, unsaved, self._run_id)
            self._tally.decided_elsewhere += len(unsaved) - written
        rows = [_row(one) for one in unsaved] if self._keep_rows else []
        self.rows += rows
        # Last: the notes may lag behind what is saved, but never say more.
        with suppress(RunStopped) if quietly else nullcontext():
            await self._notebook.note_decisions(self._topic, unsaved, rows)
        self._saved_at = time.monotonic()

    def _report_batch(self) -> None:
        self._batches += 1
        results, self._batch = self._batch, []
        batches = -(-(self._total - self._before) // BATCH)
        self._progress.batch(completed=self._batches, total=max(batches, self._batches), results=results)


def describe(decisions: dict[str, int]) -> str:
    """`12 added, 5 below threshold, 1 failed`."""
    said = [f"{decisions[one]:,} {one.label.lower()}" for one in Decision if decisions.get(one.value)]
    return ", ".join(said) or "nothing new"


def _row(decided: Decided) -> dict[str, Any]:
    """One article of a batch, as sockets and the outcome tell it."""
    scores = decided.analysis.scores if decided.analysis else None
    return {
        "id": decided.candidate.id if decided.candidate.id > 0 else None,
        "url": decided.candidate.url,
        "title": decided.analysis.reading.title if decided.analysis else decided.candidate.title,
        "decision": decided.verdict.decision.value,
        "failure": decided.verdict.failure.value if decided.verdict.failure else None,
        "relevance": scores.relevance.score if scores else None,
        "quality": scores.quality.score if scores else None,
    }


def outcome_of(
    topic: Topic, decisions: dict[str, int], failures: dict[str, int], tally: Tally, *, dry_run: bool
) -> dict[str, Any]:
    """The numbers of a run, as they are kept with it."""
    here = sum(tally.decisions.values())
    return {
        "topic_id": topic.pk,
        "topic": topic.name,
        "processed": sum(decisions.values()),
        "decisions": {one.value: decisions.get(one.value, 0) for one in Decision if one != Decision.PENDING},
        "failures": failures,
        "seconds": round(tally.seconds, 2),
        "articles_per_second": round(here / tally.seconds, 2) if here and tally.seconds else None,
        "dry_run": dry_run,
    }


def merge_outcomes(outcomes: Sequence[dict[str, Any]], *, dry_run: bool) -> dict[str, Any]:
    """The outcomes of several topics as one, each of them under `topics`."""
    decisions: Counter[str] = Counter({one.value: 0 for one in Decision if one != Decision.PENDING})
    failures: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    for one in outcomes:
        decisions.update(one["decisions"])
        failures.update(one["failures"])
        sources.update(one["sources"])
    seconds = sum(one["seconds"] for one in outcomes)
    processed = decisions.total()
    return {
        "topic_id": None,
        "topic": "",
        "found": sum(one["found"] for one in outcomes),
        "processed": processed,
        "decisions": dict(decisions),
        "failures": dict(failures),
        "sources": dict(sources),
        "seconds": round(seconds, 2),
        "articles_per_second": round(processed / seconds, 2) if processed and seconds else None,
        "dry_run": dry_run,
        "topics": list(outcomes),
    }
