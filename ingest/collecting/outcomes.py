"""The numbers of a run: counted while it works, kept with it, told in words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingest.decisions import Decision
from ingest.models import Article, Topic
from ingest.store import Decided
from live.numbers import grouped


@dataclass(kw_only=True, slots=True)
class Tally:
    """What a call to process_articles_batch did. `noted`: what earlier attempts had decided and nobody saved."""

    decisions: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    noted: Sequence[dict[str, Any]] = ()
    decided_elsewhere: int = 0
    seconds: float = 0.0

    def in_all(self) -> tuple[dict[str, int], dict[str, int]]:
        """Articles per decision and per failure code, those of earlier attempts included."""
        decisions = self.decisions + Counter(row["decision"] for row in self.noted)
        failures = self.failures + Counter(row["failure"] for row in self.noted if row["failure"])
        return dict(decisions), dict(failures)


def describe(decisions: dict[str, int]) -> str:
    """`12 added, 5 below threshold, 1 failed`."""
    said = [one.counted(decisions[one]) for one in Decision if decisions.get(one.value)]
    return ", ".join(said) or _("nothing new")


def came_in(number: int) -> str:
    """`12 came in`: what an article does that is added by new rules."""
    return ngettext("%(count)s came in", "%(count)s came in", number) % {"count": grouped(number)}


def went(number: int) -> str:
    """`3 went`: what one does that is added no more."""
    return ngettext("%(count)s went", "%(count)s went", number) % {"count": grouped(number)}


def row_of(decided: Decided) -> dict[str, Any]:
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
        "language": decided.analysis.reading.language if decided.analysis else "",
        "reason": reason_of(decided.verdict.decision, decided.verdict.reasons),
    }


def row_of_article(article: Article, url: str, run_id: UUID) -> dict[str, Any]:
    """A stored article that is decided, as `row_of` says it; `known`: not by this run."""
    reasons = article.reasons if isinstance(article.reasons, dict) else {}
    known = article.run != run_id
    reason = reason_of(article.decision, reasons)
    return {
        "id": article.pk,
        "url": url,
        "title": article.title,
        "decision": article.decision,
        "failure": article.failure or None,
        "relevance": article.relevance,
        "quality": article.quality,
        "language": article.language,
        "reason": f"{_('The topic had this article before.')} {reason}".strip() if known else reason,
        "topic": article.topic_id,
        "known": known,
    }


def reason_of(decision: str, reasons: Mapping[str, Any]) -> str:
    """The one sentence that says why an article ended so; `reasons` are those of its verdict, or of its row."""
    match decision:
        case Decision.FAILED:
            return str(reasons.get("failure") or "")
        case Decision.DUPLICATE:
            return _("The topic has this text already, from another address.")
        case Decision.REJECTED_QUALITY:
            return str(reasons.get("quality", {}).get("reason") or "")
    return str(reasons.get("relevance", {}).get("reason") or "")


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
