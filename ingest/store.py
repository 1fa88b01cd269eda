"""Reading and writing articles: each function is sync, short, and safe to be called again after a kill."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F
from django.utils import timezone

from .analyzers import Analysis
from .collecting.verdicts import Verdict
from .decisions import Decision
from .duplicates import clusters
from .duplicates.canonical import canonical_url, host_of
from .fetching.feeds import Entry
from .lists import counts
from .models import Article
from .reading.text import clip
from .telling import alerts


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An article to be read. `id` is its row's; negative for one that is not stored. `unfinished`: how often a process
    died while it was read.
    """

    id: int
    url: str
    title: str = ""
    author: str = ""
    published_at: datetime | None = None
    source: str = ""
    unfinished: int = 0

    @property
    def label(self) -> str:
        """What a person reads while it is worked on."""
        return self.title or self.url

    @property
    def host(self) -> str:
        """The host it was found on; nothing for an address that cannot be read."""
        return host_of(self.url)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """A candidate with its verdict, and the analysis behind it unless it failed. `rules`: the stamp of those it was
    judged by.
    """

    candidate: Candidate
    verdict: Verdict
    analysis: Analysis | None = None
    rules: str = ""


def candidates_of(entries: Iterable[Entry], source: str) -> dict[str, Candidate]:
    """The entries by canonical address; ids count down from −1."""
    found: dict[str, Candidate] = {}
    for entry in entries:
        try:
            address = canonical_url(entry.url)
        except ValueError:
            continue
        if len(entry.url) <= 2000 and len(address) <= 2000 and address not in found:
            found[address] = Candidate(
                id=-len(found) - 1,
                url=entry.url,
                title=entry.title,
                author=entry.author,
                published_at=entry.published_at,
                source=source,
            )
    return found


def only_new(topic_id: int, found: dict[str, Candidate]) -> dict[str, Candidate]:
    """Those whose address the topic does not have yet."""
    known = set(
        Article.objects.filter(topic_id=topic_id, canonical_url__in=list(found)).values_list("canonical_url", flat=True)
    )
    return {address: candidate for address, candidate in found.items() if address not in known}


def add_articles(topic_id: int, source_id: int | None, found: dict[str, Candidate]) -> int:
    """Store new candidates as pending articles; addresses the topic has already are left alone. Says how many
    are new.
    """
    new = only_new(topic_id, found)
    Article.objects.bulk_create(
        [
            Article(
                topic_id=topic_id,
                source_id=source_id,
                url=candidate.url,
                canonical_url=address,
                title=candidate.title,
                author=candidate.author,
                published_at=candidate.published_at,
            )
            # Feeds say the newest first; the newest row should be the newest article.
            for address, candidate in reversed(new.items())
        ],
        batch_size=500,
        # Another run may have found the same page in the meantime.
        ignore_conflicts=True,
    )
    return len(new)


def pending_candidates(topic_id: int, limit: int | None = None, ids: Sequence[int] | None = None) -> list[Candidate]:
    """What the topic still has to read, oldest first; of `ids` alone when they are given."""
    rows = Article.objects.filter(topic_id=topic_id).pending()
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    fields = ("id", "url", "title", "author", "published_at", "source__title", "unfinished")
    return [
        Candidate(
            id=pk, url=url, title=title, author=author, published_at=at, source=source or "", unfinished=unfinished
        )
        for pk, url, title, author, at, source, unfinished in rows.values_list(*fields)[:limit]
    ]


def reopen_failed(topic_id: int, ids: Sequence[int], run_id: UUID) -> None:
    """Let `run_id` decide once more what failed; what it has decided itself stays decided."""
    failed = Article.objects.filter(topic_id=topic_id, pk__in=ids, decision=Decision.FAILED).exclude(run=run_id)
    failed.update(decision=Decision.PENDING, failure="", reasons={}, decided_at=None, run=None, unfinished=0)


def failed_candidates(topic_id: int) -> list[Candidate]:
    """What of the topic could not be read, oldest first."""
    failed = Article.objects.filter(topic_id=topic_id, decision=Decision.FAILED).order_by("id")
    return [Candidate(id=pk, url=url) for pk, url in failed.values_list("id", "url")]


def note_begun(ids: Sequence[int]) -> None:
    """These pending articles are about to be read. Whoever dies over it leaves the note behind."""
    Article.objects.filter(pk__in=ids, decision=Decision.PENDING).update(unfinished=F("unfinished") + 1)


def note_left(ids: Sequence[int]) -> None:
    """These were not read in the end, for a reason that is not theirs: the run was stopped."""
    left = Article.objects.filter(pk__in=ids, decision=Decision.PENDING, unfinished__gt=0)
    left.update(unfinished=F("unfinished") - 1)


def save_decisions(decided: Sequence[Decided], run_id: UUID | None) -> int:
    """Write the decisions down, each only while its article is still pending: nobody decides twice.

    Says how many were written; the others somebody else had decided before. A duplicate of an article that is gone or
    no longer approved stays pending, and is read again: its story would be lost.
    """
    now = timezone.now()
    duplicates = [one for one in decided if one.verdict.duplicate_of is not None]
    to_tell = alerts.meeting_rules(decided)
    with transaction.atomic():
        # Roots first: a duplicate's may stand in the same batch.
        written = _write((one for one in decided if one.verdict.duplicate_of is None), run_id, now)
        roots = clusters.lock_roots({one.verdict.duplicate_of for one in duplicates if one.verdict.duplicate_of})
        written |= _write((one for one in duplicates if one.verdict.duplicate_of in roots), run_id, now)
        alerts.tell([one for one in to_tell if one.candidate.id in written])
    counts.ARTICLES.sum_up()
    return len(written)


def _write(decided: Iterable[Decided], run_id: UUID | None, now: datetime) -> set[int]:
    """The ids of those that were still to be decided."""
    written = set()
    for one in decided:
        rows = Article.objects.filter(pk=one.candidate.id, decision=Decision.PENDING)
        if rows.update(decided_at=now, run=run_id, **_values(one, now)):
            written.add(one.candidate.id)
    return written


def count_decisions(run_id: UUID, topic_id: int | None = None) -> tuple[dict[str, int], dict[str, int]]:
    """What a run decided (for one topic) in all its attempts: articles per decision, and per failure code."""
    decisions: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    mine = Article.objects.decided_by(run_id).order_by()
    if topic_id is not None:
        mine = mine.filter(topic_id=topic_id)
    rows = mine.values_list("decision", "failure").annotate(Count("id"))
    for decision, failure, number in rows:
        decisions[decision] += number
        if failure:
            failures[failure] += number
    return dict(decisions), dict(failures)


def _values(one: Decided, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "decision": one.verdict.decision,
        "failure": one.verdict.failure or "",
        "reasons": dict(one.verdict.reasons),
        "rules": one.rules,
        "unfinished": 0,
        "duplicate_of": one.verdict.duplicate_of,
    }
    if one.analysis is None:
        return values
    reading, scores = one.analysis.reading, one.analysis.scores
    return values | {
        "title": clip(reading.title, 500),
        "author": clip(one.candidate.author or reading.author, 300),
        "site": clip(reading.site, 200),
        "published_at": one.candidate.published_at or reading.published_at,
        "text": reading.text,
        "summary": reading.summary,
        "language": reading.language,
        "sentiment": reading.sentiment,
        "relevance": scores.relevance.score,
        "quality": scores.quality.score,
        "simhash": reading.simhash,
        "declared_url": reading.declared_url,
        "analyzer": one.analysis.analyzer,
        "fetched_at": now,
    }
