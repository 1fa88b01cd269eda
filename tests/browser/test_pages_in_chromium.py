"""What our scripts do, in a real browser before the real server."""

import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Route

from notifications import facade
from tests.browser.tabs import Tab
from tests.servers import Server, ServerAsItIs
from tests.tasks import functions

pytestmark = pytest.mark.browser

type TabOf = Callable[[User], Tab]


def start(owner: User, steps: int) -> str:
    """A run of so many hundredths of a second. Returns its id."""
    return functions.tick.using(owner=owner, title="Import").enqueue(steps).id


def test_a_run_moves_speaks_and_ends_without_a_reload(owner: User, tab_of: TabOf) -> None:
    tab = tab_of(owner)
    page = tab.open("/")
    run = start(owner, 300)
    tab.until(f"document.querySelector('#run-{run}-progress')")  # appears by itself
    tab.open(f"/tasks/{run}/")
    percents, titles = set(), set()
    while page.get_attribute(f"#run-{run}-status", "data-status") != "completed":
        percents.add(page.get_attribute(f"#run-{run}-progress", "data-percent"))
        titles.add(page.title())
    assert len(percents) >= 5
    assert any(title.startswith("(") and "%) Import" in title for title in titles)
    tab.until("document.title.startsWith('Completed: Import')")
    tab.until("document.querySelector('#announcer').textContent.includes('has completed')")
    tab.until(f"!document.querySelector('#run-{run}-cancel')")
    tab.until("document.querySelector('#run-facts').textContent.includes('Took')")
    tab.until("document.querySelector('#bell-count').dataset.unread === '1'")
    assert tab.complaints == []


def test_who_goes_through_a_page_by_keys_is_not_sent_back_when_it_changes(owner: User, tab_of: TabOf) -> None:
    runs = [start(owner, 1) for _ in range(3)]
    tab = tab_of(owner)
    page = tab.open("/tasks/")
    tab.until("document.querySelectorAll('#run-list [data-status=completed]').length === 3")
    page.focus(f"#run-list a[href='/tasks/{runs[0]}/']")  # the last of the list
    start(owner, 1)
    tab.until("document.querySelectorAll('#run-list [data-status=completed]').length === 4")
    assert page.evaluate("document.activeElement.getAttribute('href')") == f"/tasks/{runs[0]}/"


def test_the_cancel_dialog_asks_first_keeps_still_and_gives_focus_back(owner: User, tab_of: TabOf) -> None:
    tab = tab_of(owner)
    run = start(owner, 3000)
    page = tab.open(f"/tasks/{run}/")
    tab.until(f"document.querySelector('#run-{run}-status').dataset.status === 'running'")
    page.click(f"#run-{run}-cancel")
    before = page.get_attribute(f"#run-{run}-progress", "data-seq")
    assert page.evaluate("document.activeElement.textContent") == "Keep it"
    tab.until(f"document.querySelector('#run-{run}-progress').dataset.seq !== '{before}'")  # the bar moves behind it
    assert page.evaluate("document.activeElement.textContent") == "Keep it"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == f"run-{run}-cancel"
    page.click(f"#run-{run}-cancel")
    page.click("dialog[open] .button-danger-full")
    tab.until(f"document.querySelector('#run-{run}-status').dataset.status === 'cancelled'")
    tab.until(f"document.querySelector('#run-{run}-retry')")
    assert tab.complaints == []


def test_the_bell_opens_marks_read_and_gives_focus_on(owner: User, tab_of: TabOf) -> None:
    for number in range(3):
        facade.create_notification(username="owner", type="news", title=f"Notice {number}", message="…")
    tab, other = tab_of(owner), tab_of(owner)
    other.open("/notifications/")
    page = tab.open("/")
    page.focus("button.bell")
    page.keyboard.press("Enter")
    tab.until("document.querySelectorAll('#bell-panel article').length === 3")
    assert page.get_attribute("button.bell", "aria-expanded") == "true"
    first, second, _ = [
        article.get_attribute("data-notice") for article in page.query_selector_all("#bell-panel article")
    ]
    page.focus(f"[data-key=drop-{first}]")
    page.keyboard.press("Enter")
    tab.until(f"document.activeElement.dataset.key === 'drop-{second}'")
    page.click(f"[data-key=read-{second}]")
    for each in (tab, other):
        each.until("document.querySelector('#bell-count').dataset.unread === '1'")
    other.until("document.querySelectorAll('article.notice-unread').length === 1")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "bell"
    assert page.get_attribute("button.bell", "aria-expanded") == "false"
    assert (tab.complaints, other.complaints) == ([], [])


def test_two_quick_clicks_in_the_bell_are_both_done_and_the_panel_is_right(owner: User, tab_of: TabOf) -> None:
    for number in range(3):
        facade.create_notification(username="owner", type="news", title=f"Notice {number}", message="…")
    tab = tab_of(owner)
    page = tab.open("/")
    page.click("button.bell")
    tab.until("document.querySelectorAll('#bell-panel article').length === 3")
    first, second, third = [
        article.get_attribute("data-notice") for article in page.query_selector_all("#bell-panel article")
    ]
    held: list[Route] = []
    page.route(f"**/notifications/{second}/delete/", lambda route: held.append(route))
    page.click(f"[data-key=drop-{second}]")
    tab.until(f"document.querySelector('[data-key=drop-{second}]').closest('.htmx-request')")
    # The answer of this one comes while the other is still on its way: its form must not be taken out of the page.
    with page.expect_response(f"**/notifications/{first}/read/"):
        page.click(f"[data-key=read-{first}]")
    tab.until("document.querySelector('#bell-count').dataset.unread === '2'")
    held[0].continue_()
    tab.until("document.querySelectorAll('#bell-panel article').length === 2")
    tab.until("document.querySelectorAll('#bell-panel .notice-unread').length === 1")
    assert page.query_selector(f"#panel-notice-{third}.notice-unread")
    assert tab.complaints == []


def test_a_lost_connection_is_said_and_everything_is_right_when_it_is_back(
    owner: User, tab_of: TabOf, server: Server
) -> None:
    tab = tab_of(owner)
    run = start(owner, 400)
    page = tab.open(f"/tasks/{run}/")
    tab.until(f"document.querySelector('#run-{run}-progress').dataset.percent > 0")
    server.send(signal.SIGTERM)
    server.wait()
    tab.until("!document.querySelector('#connection').hidden")
    assert "as of" in page.inner_text("#connection")
    assert page.is_visible(f"#run-{run}-progress")  # what was known stays
    again = ServerAsItIs(port=server.port)
    try:
        tab.until("document.querySelector('#connection').hidden", within=60)
        tab.until(f"document.querySelector('#run-{run}-status').dataset.status === 'completed'", within=40)
    finally:
        again.end()


def test_a_queue_that_is_paused_or_goes_on_is_told_to_open_pages(owner: User, staff: User, tab_of: TabOf) -> None:
    run = str(functions.tick.using(owner=owner, run_after=timezone.now() + timedelta(hours=1)).enqueue(1).id)
    control, overview, detail = tab_of(staff), tab_of(owner), tab_of(owner)
    overview.open("/tasks/")
    detail.open(f"/tasks/{run}/")
    paused = f"document.querySelector('#run-{run}-progress').textContent.includes('Queue paused since')"
    for button, shown in (("Pause default", paused), ("Resume default", f"!({paused})")):
        control.open("/tasks/queues/")
        control.page.get_by_role("button", name=button).click()
        for tab in (overview, detail):
            tab.until(shown)
    assert control.complaints == overview.complaints == detail.complaints == []


FAKE_NOTIFICATION = """
  window.told = [];
  window.Notification = class extends EventTarget {
    static permission = "default";
    static async requestPermission() { Notification.permission = "granted"; return "granted"; }
    constructor(text, { tag }) { super(); window.told.push([text, tag]); }
  };
  window.away = false;
  Object.defineProperty(document, "hidden", { get: () => window.away });
"""


def test_the_browser_tells_of_news_outside_only_once_it_was_asked_to(owner: User, tab_of: TabOf) -> None:
    tab = tab_of(owner)
    page = tab.page
    page.add_init_script(FAKE_NOTIFICATION)
    tab.open("/notifications/preferences/")
    tab.until("window.live && document.querySelector('#bell-count')")

    def arrives(number: int) -> None:
        facade.create_notification(username="owner", type="news", title=f"Notice {number}", message="…")
        tab.until(f"document.querySelector('#bell-count').dataset.unread === '{number}'")

    page.evaluate("window.away = true")
    arrives(1)
    assert page.evaluate("window.told") == []
    page.click("text=Tell me there, too")
    assert page.evaluate("document.activeElement.textContent") == "Do not tell me there any more"
    arrives(2)
    tab.until("window.told.length === 1")
    arrives(3)
    tab.until("window.told.length === 2")
    assert page.evaluate("window.told") == [["A new notification", "bell"], ["2 new notifications", "bell"]]
    page.evaluate("window.away = false")
    arrives(4)  # who looks has the toast
    page.click("text=Do not tell me there any more")
    page.evaluate("window.away = true")
    arrives(5)
    assert len(page.evaluate("window.told")) == 2
    assert tab.complaints == []


def test_news_show_once_are_counted_and_never_take_focus(owner: User, tab_of: TabOf) -> None:
    tab = tab_of(owner)
    page = tab.page
    page.clock.install()
    tab.open("/profile/")
    page.focus("#id_email")
    tab.until("window.live && document.querySelector('#bell-count')")
    tell = facade.create_notification

    def arrives(number: int, said: str) -> None:
        tell(username="owner", type="news", title=f"Notice {number}", message="…")
        tab.until(f"document.querySelector('.toast-text').textContent === '{said}'")
        tab.until("!document.querySelector('#toast').hidden")

    arrives(1, "A new notification")
    arrives(2, "2 new notifications")
    assert page.locator(".toast").count() == 1
    assert page.evaluate("document.activeElement.id") == "id_email"
    page.hover("#toast")
    tab.let_pass(10_000)
    assert page.is_visible("#toast")  # somebody is about to use it
    page.hover("h1")
    tab.let_pass(7_000)
    assert not page.is_visible("#toast")
    arrives(3, "A new notification")  # a count of its own
    page.keyboard.press("Escape")
    assert not page.is_visible("#toast")
    # Who has the bell open before them sees it there.
    page.click(".bell")
    tab.until("document.querySelectorAll('#bell-panel .notice').length === 3")
    tell(username="owner", type="news", title="Notice 4", message="…")
    tab.until("document.querySelectorAll('#bell-panel .notice').length === 4")
    assert not page.is_visible("#toast")
    assert tab.complaints == []
