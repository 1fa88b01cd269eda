"""What the bell says when a run of ours has ended."""

from collections import Counter
from typing import Any

from django.db.models import Count
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from ingest.collecting.outcomes import describe
from ingest.decisions import Decision
from ingest.models import Topic
from notifications.types import NotificationType
from tasks.models import TaskItem, TaskRun
from tasks.notify import Draft
from tasks.states import Status

TYPES = (
    NotificationType(
        name="auto_ingest_complete", label=_("Collections that completed"), description=_("Of those each topic names.")
    ),
    NotificationType(name="auto_ingest_error", label=_("Collections that failed")),
    NotificationType(name="keyword_alert", label=_("Keyword alerts"), description=_("An article met an alert rule.")),
    NotificationType(name="collect_digest", label=_("Daily digest"), description=_("What was added in a day.")),
    NotificationType(name="recheck_complete", label=_("Re-checks that completed")),
    NotificationType(name="recheck_error", label=_("Re-checks that failed")),
)


def outcome(run: TaskRun) -> Draft | None:
    """The notification for a collection: its numbers, or what went wrong. None where the owner asked not to be told."""
    name = str(run.metadata.get("topic_name") or "")
    about = f" for “{name}”" if name else ""
    link = _link(run)
    if run.status == Status.COMPLETED:
        result: dict[str, Any] = run.result if isinstance(run.result, dict) else {}
        if not _is_to_be_told(run, result):
            return None
        return Draft(
            type="auto_ingest_complete",
            title="Auto-Collect complete" if not result.get("dry_run") else "Auto-Collect: dry run complete",
            message=f"{_count(result.get('processed', 0))} processed{about}: {describe(result.get('decisions', {}))}.",
            link=link,
        )
    return Draft(
        type="auto_ingest_error",
        title="Auto-Collect failed",
        message=f"Collecting{about} stopped: {run.error[:400] or 'the reason is unknown.'}{_decided_before(run)}",
        link=link,
    )


def recheck_outcome(run: TaskRun) -> Draft:
    """The notification for a re-check."""
    name = str(run.metadata.get("topic_name") or "")
    if run.status == Status.COMPLETED:
        result: dict[str, Any] = run.result if isinstance(run.result, dict) else {}
        return Draft(
            type="recheck_complete",
            title="Re-check complete",
            message=f"{_count(result.get('processed', 0))} of “{name}” judged anew: {moves_in_words(result)}.",
            link=_link(run),
        )
    return Draft(
        type="recheck_error",
        title="Re-check failed",
        message=f"Judging the articles of “{name}” anew stopped: {run.error[:400] or 'the reason is unknown.'}",
        link=_link(run),
    )


def moves_in_words(result: dict[str, Any]) -> str:
    """`12 came in, 3 went, 4 moved otherwise`."""
    added, removed = int(result.get("added", 0)), int(result.get("removed", 0))
    others = int(result.get("changed", 0)) - added - removed
    said = [(added, "came in"), (removed, "went"), (others, "moved otherwise"), (result.get("failed", 0), "failed")]
    return ", ".join(f"{number:,} {words}" for number, words in said if number) or "nothing changed"


def _is_to_be_told(run: TaskRun, result: dict[str, Any]) -> bool:
    """Does the owner want to hear of this collection? Of several topics, as soon as one of them wants it."""
    by_hand = "schedule" not in run.metadata or bool(run.metadata.get("started_by"))
    outcomes = {one.get("topic_id"): one for one in result.get("topics", [result])}
    wishes = dict(Topic.objects.filter(pk__in=[pk for pk in outcomes if pk]).values_list("pk", "tell"))
    told = [_wants(wish, outcomes[pk], by_hand=by_hand) for pk, wish in wishes.items()]
    # Nothing to ask: no topic, or one that is gone.
    return any(told) if told else True


def _wants(wish: str, result: dict[str, Any], *, by_hand: bool) -> bool:
    if wish == Topic.Tell.ADDED:
        return by_hand or bool(result.get("decisions", {}).get(Decision.APPROVED.value))
    return wish == Topic.Tell.EACH


def bulk_outcome(run: TaskRun) -> Draft:
    """The notification for a bulk analysis."""
    if run.status == Status.COMPLETED:
        result: dict[str, Any] = run.result if isinstance(run.result, dict) else {}
        return Draft(
            type="bulk_analysis_complete",
            title="Bulk analysis complete",
            message=f"{_count(result.get('processed', 0))} analysed: {describe(result.get('decisions', {}))}.",
            link=run.get_absolute_url(),
        )
    return Draft(
        type="bulk_analysis_error",
        title="Bulk analysis failed",
        message=f"The analysis stopped: {run.error[:400] or 'the reason is unknown.'}{_decided_before(run)}",
        link=run.get_absolute_url(),
    )


def _decided_before(run: TaskRun) -> str:
    """What a run that failed had decided until then, which stays decided: its items say so, saved or not."""
    ended = run.items.exclude(outcome=TaskItem.Outcome.WAITING).order_by()
    decisions: Counter[str] = Counter()
    for label, outcome, number in ended.values_list("label", "outcome").annotate(Count("pk")):
        decisions[Decision.FAILED if outcome == TaskItem.Outcome.FAILED else label] += number
    return f" {_count(decisions.total())} decided before: {describe(decisions)}." if decisions else ""


def _count(number: int) -> str:
    return "1 article" if number == 1 else f"{number:,} articles"


def _link(run: TaskRun) -> str:
    topic_id = run.kwargs.get("topic_id")
    try:
        return reverse("topic-detail", args=[topic_id]) if topic_id else reverse("keyword-alerts")
    except NoReverseMatch:
        return "/keyword-alerts/"
