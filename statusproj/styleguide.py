"""The style guide: every component in each of its states, drawn by the same templates as the pages.

Nothing in here is stored. The runs are rows that were never saved, presented as those of the pages are.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import Engine
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ingest.presenters.sparkline import sparkline_of
from live.numbers import grouped
from notifications.presenters import NoticeView
from tasks import access
from tasks.charts import Chart, Row, Series, bar_chart
from tasks.models import TaskEvent, TaskRun
from tasks.presenters import WORDS, RunView, present_runs
from tasks.states import FINAL, Status
from tasks.timeline import lines_of
from tasks.trees import tree_of

COLOURS = [
    *("ground", "surface", "sunken", "line", "line-strong", "text", "text-muted", "accent"),
    *("good", "bad", "warn", "info", "neutral"),
]
SIZES = ["xs", "s", "m", "l", "xl", "number"]
SPACES = range(1, 8)
TONES = [("neutral", "pending"), ("info", "info"), ("good", "check"), ("bad", "failed"), ("warn", "pause")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """One view of a list."""

    word: str
    url: str
    current: bool = False
    count: int | None = None


class ExampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label=_("Name"), help_text=_("What people will look for."), max_length=20)
    note = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 3}))
    colour = forms.ChoiceField(label=_("Choice"), choices=[("a", _("The first")), ("b", _("The second"))])


@never_cache
@login_required
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """For staff: whoever builds pages, or wants to see what a change of a component does."""
    user = cast(User, request.user)
    if not access.sees_everything(user):
        raise PermissionDenied
    now = timezone.now()
    runs = example_runs(user, now)
    context = {
        "colours": COLOURS,
        "sizes": SIZES,
        "spaces": SPACES,
        "icons": icon_names(),
        "statuses": [(word, status, tone) for status, (word, tone) in WORDS.items()],
        "tones": TONES,
        "example_runs": runs,
        "bar_run": replace(runs[4], id=str(UUID(int=99))),  # one that has ended: there is no socket for it
        "tabs": [
            Tab(word=gettext("All"), url="#tabs", current=True, count=1200),
            Tab(word=gettext("Failed"), url="#tabs", count=3),
            Tab(word=gettext("Waiting"), url="#tabs"),
        ],
        "pages": _middle_page(),
        "moments": [now - timedelta(seconds=3), now - timedelta(minutes=5), now + timedelta(hours=2)],
        "chart": _chart(),
        "trend": sparkline_of({(now - timedelta(days=day)).date(): 30 - day for day in range(0, 30, 2)}, now.date()),
        "columns": [gettext("Outcome"), gettext("Runs"), gettext("Share")],
        "rows": [
            Row(name=gettext("Completed"), cells=(grouped(1180), gettext("98.3%"))),
            Row(name=gettext("Failed"), cells=("20", gettext("1.7%"))),
        ],
        "form": ExampleForm(auto_id="plain_%s"),
        "wrong_form": ExampleForm({"name": "x" * 21, "colour": "c"}, auto_id="wrong_%s"),
        "notices": _notices(now),
        "tree": tree_of({"saved": 7, "by": None, "done": True, "password": "x", "hosts": ["a.example", "b.example"]}),
        "lines": _lines(now),
    }
    return render(request, "styleguide.html", context)


def icon_names() -> list[str]:
    """Those that the template knows: a new one shows here by itself."""
    source = Engine.get_default().get_template("live/components/icon.html").source
    return re.findall(r'name == "(\w+)"', source)


def example_runs(viewer: User, now: datetime) -> list[RunView]:
    """A run in each state, and one whose total is not known, as `viewer` would see their own."""
    known = {
        "processed_items": 450,
        "total_items": 1000,
        "progress": 45.0,
        "stage": gettext("reading"),
        "current_item": gettext("Row 450"),
    }
    states: list[tuple[str, Status, dict[str, Any]]] = [
        (gettext("Waits in line"), Status.PENDING, {}),
        (gettext("Knows how much there is"), Status.RUNNING, known),
        (
            gettext("Does not know how much there is"),
            Status.RUNNING,
            {"processed_items": 12, "stage": gettext("looking")},
        ),
        (gettext("Is being cancelled"), Status.RUNNING, {**known, "cancel_requested_at": now}),
        (gettext("Has completed"), Status.COMPLETED, {"progress": 100.0, "message": gettext("Saved 1,000 rows.")}),
        (gettext("Has failed"), Status.FAILED, {**known, "error": gettext("The server of the feed does not answer.")}),
        (gettext("Was cancelled"), Status.CANCELLED, {**known, "error": gettext("Cancelled by its owner.")}),
    ]
    runs = [
        TaskRun(
            id=UUID(int=number),
            task="example",
            name=name,
            status=status,
            owner=viewer,
            queue="examples",
            topic=gettext("Examples"),
            created_at=now - timedelta(minutes=5),
            started_at=None if status == Status.PENDING else now - timedelta(minutes=4),
            completed_at=now - timedelta(minutes=1) if status in FINAL else None,
            **fields,
        )
        for number, (name, status, fields) in enumerate(states, start=1)
    ]
    return present_runs(runs, viewer)


def _middle_page() -> Page[int]:
    return Paginator(range(60), 20).page(2)


def _chart() -> Chart:
    return bar_chart(
        id="chart-example",
        title=gettext("Runs per hour"),
        words=gettext("110 runs ended in the last 6 hours. 9.1% of them failed."),
        slot_name=gettext("Hour from"),
        slots=[f"{hour:02}:00" for hour in range(6)],
        marks=["00:00", "03:00"],
        series=[
            Series(name=gettext("Completed"), look="good", values=[10, 20, 15, 30, 5, 20], note="100"),
            Series(name=gettext("Failed"), look="bad", values=[0, 2, 0, 5, 0, 3], note="10"),
        ],
        say=grouped,
    )


def _notices(now: datetime) -> list[NoticeView]:
    said = [
        (
            "bad",
            "failed",
            gettext("“Nightly import” has failed"),
            gettext("The server of the feed does not answer."),
            False,
            3,
        ),
        ("good", "completed", gettext("“Nightly import” has completed"), gettext("Saved 1,000 rows."), True, 1),
    ]
    return [
        NoticeView(
            id=number,
            kind=gettext("Runs"),
            tone=tone,
            icon=icon,
            title=title,
            message=message,
            link="",
            read=read,
            at=now - timedelta(minutes=number),
            is_broadcast=False,
            occurrences=times,
        )
        for number, (tone, icon, title, message, read, times) in enumerate(said, start=1)
    ]


def _lines(now: datetime) -> list[Any]:
    events = [
        ("state", {"status": "completed", "attempt": 1}),
        ("batch", {"batch_completed": 2, "total_batches": 2}),
        ("log", {"level": "warning", "message": gettext("One row had no title.")}),
        ("state", {"status": "running", "attempt": 1}),
        ("state", {"status": "pending", "attempt": 1}),
    ]
    return lines_of(
        [
            TaskEvent(seq=9 - number, at=now - timedelta(minutes=number), kind=kind, data=data)
            for number, (kind, data) in enumerate(events)
        ]
    )
