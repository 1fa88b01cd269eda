"""The dashboard, and what requests are told that cannot be read."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ingest.presenters.daily import articles_chart
from tasks import access, queues
from tasks.access import Viewer
from tasks.failures import by_name, present_failures
from tasks.history import last_hours
from tasks.history_charts import durations_chart, outcomes_chart
from tasks.lines import look, running_now
from tasks.manager import get_task_summary
from tasks.models import TaskRun
from tasks.presenters import NOT_SHOWN, WORDS, WORDS_OF_MANY, present_runs
from tasks.standstill import find_standstill
from tasks.states import Status
from tasks.worker_pages import present_workers

LIVE_SHOWN = 12
FAILED_SHOWN = 5
FAILED_LOOKED_AT = 100
RECENT_SHOWN = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One figure at the top of the dashboard."""

    name: str
    number: int
    icon: str
    tone: str
    status: str


@never_cache
@login_required
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """What runs now, what failed lately, and whether anybody is working at all."""
    live, failed, recent = _runs(request.user)
    failures = by_name(failed)[:FAILED_SHOWN]
    # Everything that says how the queues stand is told by one look at them.
    seen, running = look(), running_now()
    shown = [*live, *(runs[0] for runs in failures), *recent]
    views = {view.id: view for view in present_runs(shown, request.user, seen=seen, running=running)}
    counts = get_task_summary(viewer=request.user)
    sees_all = access.sees_everything(request.user)
    hours = last_hours(request.user)
    context = {
        "charts": [outcomes_chart(hours), durations_chart(hours), articles_chart(request.user)],
        "live": [views[str(run.pk)] for run in live],
        "failures": [present_failures(runs, views[str(runs[0].pk)]) for runs in failures],
        "recent": [views[str(run.pk)] for run in recent],
        "more_live": max(0, counts["running"] + counts["pending"] - len(live)),
        "tiles": _tiles(counts),
        "total": counts["total"],
        "standstill": find_standstill(seen=seen),
        "sees_all": sees_all,
        "workers": present_workers(running) if sees_all else [],
        "queues": queues.overview(seen) if sees_all else [],
    }
    return render(request, "dashboard.html", context)


def _runs(user: Viewer) -> tuple[list[TaskRun], list[TaskRun], list[TaskRun]]:
    """What is live, the latest that failed and were not run again, and what ended otherwise. One query."""
    visible = TaskRun.objects.visible_to(user).select_related("owner").defer(*NOT_SHOWN)
    shown = visible.annotate(run_again=Exists(TaskRun.objects.filter(retry_of=OuterRef("pk"))))
    live = shown.live().order_by("-status", "-priority", "created_at", "id")[:LIVE_SHOWN]
    failed = shown.with_status([Status.FAILED])[:FAILED_LOOKED_AT]
    recent = shown.with_status([Status.COMPLETED, Status.CANCELLED])[:RECENT_SHOWN]
    rows: list[Any] = list(live.union(failed, recent, all=True))
    newest_first = sorted(rows, key=lambda run: (run.created_at, run.pk), reverse=True)
    return (
        # What runs stands before what waits.
        sorted(
            (run for run in rows if not run.is_final),
            key=lambda run: (run.status != Status.RUNNING, -run.priority, run.created_at, run.pk),
        ),
        [run for run in newest_first if run.status == Status.FAILED and not run.run_again],
        [run for run in newest_first if run.status in {Status.COMPLETED, Status.CANCELLED}],
    )


def _tiles(counts: dict[str, int]) -> list[Tile]:
    return [
        Tile(name=str(WORDS_OF_MANY[status]), number=counts[status], icon=status, tone=WORDS[status][1], status=status)
        for status in (Status.RUNNING, Status.PENDING, Status.COMPLETED, Status.FAILED, Status.CANCELLED)
    ]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that cannot be read, or one that is too large: Django itself makes no difference between them."""
    status = 413 if isinstance(exception, RequestDataTooBig) else 400
    return render(request, f"{status}.html", status=status)
