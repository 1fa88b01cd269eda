"""What a page does that has no sockets: it asks, at little cost, and stops where asking on is no use."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Response

from notifications import facade
from tasks import queues
from tasks.models import TaskRun
from tests.browser.tabs import Tab
from tests.browser.watching import SHOWN, asked_in_ten_minutes, finish, is_shown, start, watch
from tests.tasks.runs import make_run
from tests.waiting import eventually

pytestmark = [
    pytest.mark.browser,
    pytest.mark.process,
    pytest.mark.parametrize("environment", [{"LIVE_MAX_SOCKETS_PER_USER": "0"}], ids=[""]),
]

type TabOf = Callable[[User], Tab]


def answers(tab: Tab, path: str) -> list[Response]:
    """Every answer to the page for `path` from now on, added as they come."""
    heard: list[Response] = []
    tab.page.on("response", lambda response: heard.append(response) if response.url.endswith(path) else None)
    return heard


def pass_until(tab: Tab, expression: str) -> None:
    """Let the page's time run until a JavaScript expression is true."""

    def is_so() -> bool:
        tab.let_pass(5_000)
        return bool(tab.page.evaluate(f"() => ({expression})"))

    eventually(is_so, within=30, what=expression)


def pass_until_nothing_is_new(tab: Tab, heard: list[Response]) -> None:
    """Let the page's time run until two polls in a row have heard that nothing is new."""

    def is_cheap() -> bool:
        tab.let_pass(5_000)
        # While a run still reports that it has begun, an answer is new and whole.
        return [answer.status for answer in heard][-2:] == [304, 304]

    eventually(is_cheap, within=30, what="two polls that hear of nothing new")
    assert heard[0].status == 200


def test_without_sockets_a_page_asks_cheaply_and_stops_when_the_run_has_ended(owner: User, tab_of: TabOf) -> None:
    tab = tab_of(owner)
    tab.page.clock.install()
    run = start(owner, "polled")
    heard = answers(tab, f"/api/background-tasks/task/{run}")
    watch(tab, run)
    tab.until(SHOWN)
    assert "refreshes every few seconds" in tab.page.inner_text("#connection")

    pass_until_nothing_is_new(tab, heard)
    finish(run, "polled")

    pass_until(tab, is_shown(run, "completed"))
    assert tab.page.title().startswith("Completed: Import")
    asked = asked_in_ten_minutes(tab)
    assert [path for path in asked if not path.startswith("ws:")] == []


@pytest.mark.parametrize(
    ("disappear", "words"),
    [
        (lambda run: TaskRun.objects.filter(pk=run).delete(), "no longer available"),
        (lambda run: Session.objects.all().delete(), "Sign in again"),
    ],
    ids=["404", "signed out"],
)
def test_a_page_that_may_not_ask_any_more_says_so_and_stops(
    owner: User, tab_of: TabOf, disappear: Callable[[str], object], words: str
) -> None:
    tab = tab_of(owner)
    tab.page.clock.install()
    run = start(owner, "never")
    watch(tab, run)
    tab.until(SHOWN)
    disappear(run)

    pass_until(tab, f"document.querySelector('#connection').innerText.includes('{words}')")
    assert tab.page.evaluate(f"() => {is_shown(run, 'running')}"), "nothing is known of how it ended"
    assert asked_in_ten_minutes(tab) <= {tab.url.replace("http", "ws") + "/ws/notifications"}


def test_lists_ask_cheaply_and_hear_of_what_is_new(owner: User, tab_of: TabOf) -> None:
    tab = tab_of(owner)
    tab.page.clock.install()
    run = start(owner, "listed")
    heard = answers(tab, "/api/background-tasks/tasks?limit=20")
    tab.open("/tasks/")
    tab.until(SHOWN)
    pass_until(tab, is_shown(run, "running"))
    pass_until_nothing_is_new(tab, heard)
    finish(run, "listed")
    pass_until(tab, is_shown(run, "completed"))
    # What keeps a waiting run waiting changes without the run: of that no tag speaks.
    waiting = make_run(owner, run_after=timezone.now() + timedelta(hours=9)).pk
    pass_until(tab, f"document.querySelector('#run-{waiting}-progress')?.innerText.includes('Starts in')")
    queues.pause("default")
    pass_until(tab, f"document.querySelector('#run-{waiting}-progress').innerText.includes('Queue paused')")

    notices = answers(tab, "/api/notifications?limit=20&unread_only=False")
    tab.open("/notifications/")
    tab.until(SHOWN)
    pass_until_nothing_is_new(tab, notices)
    facade.create_notification(username="owner", type="news", title="Read this", message="It is new.")
    pass_until(tab, "document.querySelector('#notices').innerText.includes('Read this')")
    assert tab.page.evaluate("() => document.querySelector('#bell-count').dataset.unread") == "2"
