"""What the bell says when a run of ours has ended."""

from typing import Any

from django.urls import NoReverseMatch, reverse

from tasks.models import TaskRun
from tasks.notify import Draft
from tasks.states import Status

from .outcomes import describe


def outcome(run: TaskRun) -> Draft:
    """The notification for a collection: its numbers, or what went wrong."""
    name = str(run.metadata.get("topic_name") or "")
    about = f" for “{name}”" if name else ""
    link = _link(run)
    if run.status == Status.COMPLETED:
        result: dict[str, Any] = run.result if isinstance(run.result, dict) else {}
        return Draft(
            type="auto_ingest_complete",
            title="Auto-Collect complete" if not result.get("dry_run") else "Auto-Collect: dry run complete",
            message=f"{_count(result.get('processed', 0))} processed{about}: {describe(result.get('decisions', {}))}.",
            link=link,
        )
    return Draft(
        type="auto_ingest_error",
        title="Auto-Collect failed",
        message=f"Collecting{about} stopped: {run.error[:400] or 'the reason is unknown.'}",
        link=link,
    )


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
        message=f"The analysis stopped: {run.error[:400] or 'the reason is unknown.'}",
        link=run.get_absolute_url(),
    )


def _count(number: int) -> str:
    return "1 article" if number == 1 else f"{number:,} articles"


def _link(run: TaskRun) -> str:
    topic_id = run.kwargs.get("topic_id")
    try:
        return reverse("topic-detail", args=[topic_id]) if topic_id else reverse("keyword-alerts")
    except NoReverseMatch:
        return "/keyword-alerts/"
