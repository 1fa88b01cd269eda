"""The style guide and the main pages stand as recorded: at both widths, light and dark."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from ingest.models import Topic
from notifications import facade
from tasks.states import Status
from tests.browser.layout import check, layouts_of, moved
from tests.browser.tabs import Tab
from tests.tasks.runs import make_run_in

FRAME = [".topbar", "h1"]
# In the order of the page.
DASHBOARD = [*FRAME, "#tiles", "~#live-runs", "~#failed-runs", "~#charts", "~#recent-runs"]
RUN = [*FRAME, ".run-progress", "~#run-results", "~#run-facts"]
TOPIC = [*FRAME, "nav.filters", "~#topic-run", ".filter-form", "~#articles"]
STYLEGUIDE = [*FRAME, "#colours", "#icons", "#badges", "#buttons"]
STYLEGUIDE += [f"#example-runs > li:nth-child({number})" for number in range(1, 8)]
STYLEGUIDE += [".tiles", "#tabs", "#tabs .filters", "#tabs .search", ".table", ".pagination", ".chart", ".score"]
STYLEGUIDE += [
    "#banners .banner-info",
    "#banners .banner-warning",
    ".toast-still",
    ".empty",
    "#example-open",
    "#questions form",
]
STYLEGUIDE += ["#fields form", ".notice", "ol.timeline", "ul.tree"]


@pytest.fixture
def arguments() -> tuple[str, ...]:
    """The web side alone: what is shown stays as it is."""
    return ("--no-worker",)


@pytest.mark.browser
@pytest.mark.process
def test_the_main_pages_stand_as_recorded(staff: User, tab_of: Callable[[User], Tab]) -> None:
    runs = {status: make_run_in(status, staff, name=f"Import, {status}") for status in Status}
    topic = Topic.objects.create(owner=staff, name="Energy")
    topic.keywords.create(phrase="heat pump")
    facade.create_notification(username="staff", type="news", title="A notice", message="…")
    pages = {
        "styleguide": (reverse("styleguide"), STYLEGUIDE),
        "dashboard": (reverse("dashboard"), DASHBOARD),
        "run": (runs[Status.FAILED].get_absolute_url(), RUN),
        "topic": (topic.get_absolute_url(), TOPIC),
    }
    tab = tab_of(staff)
    found = []
    for name, (path, parts) in pages.items():
        found += check(name, layouts_of(tab.open(path), parts))
    assert found == [], "\n".join(
        ["", *found, "If it is meant so: RECORD_LAYOUT=1 pytest tests/browser/test_layout.py"]
    )


def test_what_moves_is_said_with_both_figures_and_little_is_let_pass() -> None:
    old = {
        "h1": {"left": 16, "below": 20, "width": 300, "height": 40},
        "#gone": None,
        "~#list": {"left": 0, "width": 358},
    }
    assert moved(old, old) == []
    near = {"left": 24, "below": 12, "width": 315, "height": 47}
    assert moved(old, {**old, "h1": near}) == []
    far = {"left": 25, "below": 20, "width": 316, "height": 40}
    assert moved(old, {**old, "h1": far}) == ["h1 left: 25 px, was 16 px", "h1 width: 316 px, was 300 px"]
    assert moved(old, {**old, "h1": {**old["h1"], "below": 60}}) == [
        "h1 begins below the part before by 60 px, was 20 px"
    ]
    assert moved(old, {**old, "h1": None, "#gone": near}) == [
        "#gone is there now and was not",
        "h1 is not there any more",
    ]
