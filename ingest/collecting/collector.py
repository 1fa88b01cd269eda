"""One batch of articles on its way: a queue that reads them, and one place where they are judged and saved."""

import logging
import time
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingest import store
from ingest.analyzers import Analysis, Analyzer, configured_analyzer
from ingest.children import AnalysisError, one_run
from ingest.decisions import Decision, Failure
from ingest.duplicates.canonical import canonical_url
from ingest.duplicates.clusters import addresses_of
from ingest.duplicates.dedupe import Known, Seen
from ingest.fetching.fetch import Fetched, Fetcher
from ingest.fetching.guard import FetchError
from ingest.fetching.robots import robots
from ingest.models import Topic
from ingest.queue import AnalysisOutcome, AnalysisQueue, AnalysisTask
from ingest.reading.pages import Page
from ingest.reading.relevance import Rules
from ingest.store import Candidate, Decided
from live import tracing
from live.numbers import grouped
from tasks.db import in_thread

from .begun import DEATHS, Begun
from .notebook import Notebook
from .outcomes import Tally, describe, row_of
from .reporting import Reporter, Stage
from .verdicts import fail, judge

logger = logging.getLogger(__name__)

BATCH = 20
# Decisions wait for company this long at most, so that a page shows them soon and a kill loses few.
SAVE_AFTER_SECONDS = 1.0


class Collector:
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
        notebook: Notebook,
        done: int,
        total: int,
    ) -> None:
        self._topic, self._rules, self._seen = topic, rules, seen
        self._progress, self._fetcher, self._run_id = progress, fetcher, run_id
        self._save, self._notebook = save, notebook
        self._done, self._total = done, total
        self._before = done
        self._unsaved: list[Decided] = []
        self._saved_at = time.monotonic()
        self._batch: list[dict[str, Any]] = []
        self._batches = 0
        self._tally = Tally()
        self._begun = Begun([])

    async def collect(self, candidates: Sequence[Candidate]) -> Tally:
        """Work through `candidates`. When stopped half-way, what is decided is saved first."""
        started = time.monotonic()
        self._progress.update(
            processed=self._done,
            total=self._total,
            message=_to_read(self._total),
        )
        suspects = [one for one in candidates if one.unfinished]
        self._begun = Begun([one.id for one in candidates if not one.unfinished] if self._save else [])
        try:
            with one_run():
                async with aclosing(configured_analyzer()) as analyzer:
                    await self._read([one for one in candidates if not one.unfinished], analyzer)
                    for suspect in suspects:
                        await self._read_alone(suspect, analyzer)
        finally:
            await self._flush(quietly=True)
            await self._begun.leave()
        if self._batch:
            self._report_batch()
        self._tally.seconds = time.monotonic() - started
        return self._tally

    async def _read(self, candidates: Sequence[Candidate], analyzer: Analyzer) -> None:
        tasks = (AnalysisTask(url=one.url, topic=self._topic.name, metadata={"candidate": one}) for one in candidates)
        async with self._queue(analyzer) as queue:
            async for outcome in queue.process(tasks):
                await self._take(outcome)
                if self._save_is_due():
                    await self._flush()

    async def _read_alone(self, suspect: Candidate, analyzer: Analyzer) -> None:
        """A process died while it read this one, or its neighbour: should another die now, it is known over which."""
        if suspect.unfinished >= DEATHS:
            error = AnalysisError(
                Failure.ANALYSIS_CRASHED, _("%(count)s processes died while they were reading it") % {"count": DEATHS}
            )
            task = AnalysisTask(url=suspect.url, topic=self._topic.name, metadata={"candidate": suspect})
            await self._take(AnalysisOutcome(task=task, error=error))
        else:
            self._begun.add([suspect.id])
            await self._read([suspect], analyzer)
        await self._flush()

    def _queue(self, analyzer: Analyzer) -> AnalysisQueue[Fetched, Analysis]:
        return AnalysisQueue(self._fetch, partial(self._analyse, analyzer))

    async def _fetch(self, task: AnalysisTask) -> Fetched:
        candidate: Candidate = task.metadata["candidate"]
        await self._begun.note(candidate.id)
        self._say(candidate, str(Stage.FETCHING))
        with tracing.span("fetch article", kind="client", server__address=candidate.host):
            await robots().check(candidate.url, self._fetcher)
            return await self._fetcher.page(candidate.url)

    async def _analyse(self, analyzer: Analyzer, task: AnalysisTask, page: Fetched) -> Analysis:
        candidate: Candidate = task.metadata["candidate"]
        read = Page(
            url=page.url,
            body=page.body,
            charset=page.charset,
            title=candidate.title,
            author=candidate.author,
            host=candidate.host,
        )
        with tracing.span("analyse article"):
            return await analyzer.analyse(read, self._rules, partial(self._say, candidate))

    def _say(self, candidate: Candidate, stage: str) -> None:
        self._progress.update(stage=stage, current_item=candidate.label)

    async def _take(self, outcome: AnalysisOutcome[Analysis]) -> None:
        decided = self._decide(outcome)
        self._unsaved.append(decided)
        self._tally.decisions[decided.verdict.decision.value] += 1
        if decided.verdict.failure:
            self._tally.failures[decided.verdict.failure.value] += 1
        self._done += 1
        self._batch.append(row_of(decided))
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
        reading = analysis.reading
        addresses = {canonical_url(candidate.url), reading.address}
        twin = self._seen.twin_of(reading.simhash, {*addresses, reading.declared_url} - {""})
        self._say(candidate, str(Stage.RELEVANCE))
        verdict = judge(analysis, self._rules, twin)
        if verdict.decision != Decision.FILTERED_RELEVANCE:
            self._say(candidate, str(Stage.QUALITY))
        if verdict.decision == Decision.APPROVED:
            addresses |= addresses_of(reading.address, reading.declared_url)
            self._seen.add(Known(id=candidate.id, simhash=reading.simhash, addresses=addresses))
        return Decided(candidate=candidate, verdict=verdict, analysis=analysis, rules=self._rules.stamp)

    def _save_is_due(self) -> bool:
        # What is only noted is noted at once.
        return not self._save or len(self._unsaved) >= BATCH or time.monotonic() - self._saved_at >= SAVE_AFTER_SECONDS

    async def _flush(self, *, quietly: bool = False) -> None:
        unsaved, self._unsaved = self._unsaved, []
        if self._save and unsaved:
            if not quietly:
                self._progress.update(stage=str(Stage.SAVING))
            with tracing.span("save articles", statusproj__articles=len(unsaved)):
                written = await in_thread(store.save_decisions, unsaved, self._run_id)
            self._tally.decided_elsewhere += len(unsaved) - written
            self._begun.done(one.candidate.id for one in unsaved)
        # Last: the notes may lag behind what is saved, but never say more.
        self._notebook.note_decisions(self._topic, unsaved)
        self._saved_at = time.monotonic()

    def _report_batch(self) -> None:
        self._batches += 1
        results, self._batch = self._batch, []
        batches = -(-(self._total - self._before) // BATCH)
        self._progress.batch(completed=self._batches, total=max(batches, self._batches), results=results)


def _to_read(number: int) -> str:
    if not number:
        return _("Nothing new")
    return ngettext("%(count)s article to read", "%(count)s articles to read", number) % {"count": grouped(number)}
