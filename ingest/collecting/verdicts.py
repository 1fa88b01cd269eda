"""From scores to a decision, with the reasons a person can check."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ingest.analyzers import Analysis
from ingest.children import AnalysisError
from ingest.decisions import Decision, Failure
from ingest.duplicates.dedupe import Twin
from ingest.fetching.guard import FetchError
from ingest.queue import TaskTimeout
from ingest.reading.relevance import Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What becomes of one article. `duplicate_of`: the candidate, or the stored article, that has its story."""

    decision: Decision
    failure: Failure | None = None
    reasons: Mapping[str, Any] = field(default_factory=dict)
    duplicate_of: int | None = None


def judge(analysis: Analysis, rules: Rules, twin: Twin | None) -> Verdict:
    """Relevance first, then quality, then whether the topic has this story already as article `twin`."""
    relevance, quality = analysis.scores.relevance, analysis.scores.quality
    reasons: dict[str, Any] = {
        "relevance": {"reason": relevance.reason, "matches": [asdict(match) for match in relevance.matches]},
        "quality": quality.as_json(),
        "engine": analysis.analyzer,
    }
    if analysis.note:
        reasons["engine_note"] = analysis.note
    if relevance.score < rules.relevance_threshold:
        return Verdict(decision=Decision.FILTERED_RELEVANCE, reasons=reasons)
    if quality.score < rules.quality_threshold:
        return Verdict(decision=Decision.REJECTED_QUALITY, reasons=reasons)
    if twin is not None:
        reasons["duplicate"] = {"by": twin.by, "distance": twin.distance}
        return Verdict(decision=Decision.DUPLICATE, reasons=reasons, duplicate_of=twin.id)
    return Verdict(decision=Decision.APPROVED, reasons=reasons)


def fail(error: Exception) -> Verdict:
    """The verdict on an article that could not be read. Of an error nobody foresaw only its code is told."""
    code, said = Failure.ANALYSIS_CRASHED, Failure.ANALYSIS_CRASHED.sentence()
    if isinstance(error, FetchError | AnalysisError):
        code, said = error.code, str(error)
    elif isinstance(error, TaskTimeout):
        code, said = Failure.TIMEOUT if error.fetching else Failure.ANALYSIS_TIMEOUT, str(error)
    return Verdict(decision=Decision.FAILED, failure=code, reasons={"failure": said[:500]})
