"""What the bell says when a run of ours has ended."""

from collections import Counter
from typing import Any

from django.db.models import Count
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from ingest.collecting.outcomes import came_in, describe, went
from ingest.decisions import Decision
from ingest.models import Topic
from live.numbers import grouped
from notifications.types import NotificationType
from tasks.models import TaskItem, TaskRun
from tasks.notify import Draft
from tasks.states import Status

# How a notification of these types is called: see notifications/types.py.
gettext_noop("auto ingest complete")
gettext_noop("auto ingest error")
gettext_noop("keyword alert")
gettext_noop("collect digest")
gettext_noop("recheck complete")
gettext_noop("recheck error")

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
    link = _link(run)
    if run.status == Status.COMPLETED:
        result: dict[str, Any] = run.result if isinstance(run.result, dict) else {}
        if not _is_to_be_told(run, result):
            return None
        return Draft(
            type="auto_ingest_complete",
            title=gettext("Auto-Collect: dry run complete")
            if result.get("dry_run")
            else gettext("Auto-Collect complete"),
            message=_processed(result.get("processed", 0), name, describe(result.get("decisions", {}))),
            link=link,
        )
    return Draft(
        type="auto_ingest_error",
        title=gettext("Auto-Collect failed"),
        message=_stopped(
            gettext("Collecting for “%(topic)s” stopped: %(error)s")
            if name
            else gettext("Collecting stopped: %(error)s"),
            run,
            name,
        )
        + _decided_before(run),
        link=link,
    )


def recheck_outcome(run: TaskRun) -> Draft:
    """The notification for a re-check."""
    name = str(run.metadata.get("topic_name") or "")
    if run.status == Status.COMPLETED:
        result: dict[str, Any] = run.result if isinstance(run.result, dict) else {}
        return Draft(
            type="recheck_complete",
            title=gettext("Re-check complete"),
            message=_judged_anew(result.get("processed", 0), name, moves_in_words(result)),
            link=_link(run),
        )
    return Draft(
        type="recheck_error",
        title=gettext("Re-check failed"),
        message=_stopped(gettext("Judging the articles of “%(topic)s” anew stopped: %(error)s"), run, name),
        link=_link(run),
    )


def moves_in_words(result: dict[str, Any]) -> str:
    """`12 came in, 3 went, 4 moved otherwise`."""
    added, removed = int(result.get("added", 0)), int(result.get("removed", 0))
    others = int(result.get("changed", 0)) - added - removed
    failed = int(result.get("failed", 0))
    said = [came_in(added)] if added else []
    if removed:
        said.append(went(removed))
    if others:
        otherwise = ngettext("%(count)s moved otherwise", "%(count)s moved otherwise", others)
        said.append(otherwise % {"count": grouped(others)})
    if failed:
        said.append(Decision.FAILED.counted(failed))
    return ", ".join(said) or gettext("nothing changed")


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
            title=gettext("Bulk analysis complete"),
            message=_analysed(result.get("processed", 0), describe(result.get("decisions", {}))),
            link=run.get_absolute_url(),
        )
    return Draft(
        type="bulk_analysis_error",
        title=gettext("Bulk analysis failed"),
        message=_stopped(gettext("The analysis stopped: %(error)s"), run) + _decided_before(run),
        link=run.get_absolute_url(),
    )


def _decided_before(run: TaskRun) -> str:
    """What a run that failed had decided until then, which stays decided: its items say so, saved or not."""
    ended = run.items.exclude(outcome=TaskItem.Outcome.WAITING).order_by()
    decisions: Counter[str] = Counter()
    for label, outcome, number in ended.values_list("label", "outcome").annotate(Count("pk")):
        decisions[Decision.FAILED if outcome == TaskItem.Outcome.FAILED else label] += number
    if not decisions:
        return ""
    number = decisions.total()
    said = ngettext(
        "%(count)s article decided before: %(decisions)s.", "%(count)s articles decided before: %(decisions)s.", number
    )
    return f" {said % {'count': grouped(number), 'decisions': describe(decisions)}}"


def _stopped(sentence: str, run: TaskRun, topic: str = "") -> str:
    """`sentence` with the run's error in its place."""
    return sentence % {"topic": topic, "error": run.error[:400] or gettext("the reason is unknown.")}


def _processed(number: int, topic: str, decisions: str) -> str:
    if topic:
        said = ngettext(
            "%(count)s article processed for “%(topic)s”: %(decisions)s.",
            "%(count)s articles processed for “%(topic)s”: %(decisions)s.",
            number,
        )
    else:
        said = ngettext(
            "%(count)s article processed: %(decisions)s.", "%(count)s articles processed: %(decisions)s.", number
        )
    return said % {"count": grouped(number), "topic": topic, "decisions": decisions}


def _judged_anew(number: int, topic: str, moves: str) -> str:
    said = ngettext(
        "%(count)s article of “%(topic)s” judged anew: %(moves)s.",
        "%(count)s articles of “%(topic)s” judged anew: %(moves)s.",
        number,
    )
    return said % {"count": grouped(number), "topic": topic, "moves": moves}


def _analysed(number: int, decisions: str) -> str:
    said = ngettext("%(count)s article analysed: %(decisions)s.", "%(count)s articles analysed: %(decisions)s.", number)
    return said % {"count": grouped(number), "decisions": decisions}


def _link(run: TaskRun) -> str:
    topic_id = run.kwargs.get("topic_id")
    try:
        return reverse("topic-detail", args=[topic_id]) if topic_id else reverse("keyword-alerts")
    except NoReverseMatch:
        return "/keyword-alerts/"
