"""What a page does when something on the way to it is killed, late, asleep or gone, in a real browser."""

import signal
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Route

from tasks.models import TaskRun
from tests.browser.network import Network
from tests.browser.tabs import Tab
from tests.browser.watching import BANNER, SHOWN, asked_in_ten_minutes, finish, is_open, is_shown, start, watch
from tests.live.servers import redis
from tests.servers import Process, Server, ServerAsItIs, free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.process]

type TabOf = Callable[[User], Tab]
type TabAt = Callable[[str, User], Tab]


def test_a_killed_server_is_said_after_three_seconds_and_no_longer_once_it_is_back(
    owner: User, tab_of: TabOf, server: Server
) -> None:
    tab = tab_of(owner)
    run = start(owner)
    watch(tab, run)
    is_open(tab)
    server.send(signal.SIGKILL)
    server.wait()
    tab.until(SHOWN)
    words = tab.page.inner_text("#connection")
    assert "Live updates are interrupted" in words and "as of" in words
    assert tab.page.evaluate("seen.banner - seen.lost") >= 2900
    # Trap 33: what was known stays, and a failed poll is no failed run.
    assert tab.page.is_visible(f"#run-{run}-progress")
    assert tab.page.evaluate(f"() => {is_shown(run, 'running')}")
    again = ServerAsItIs(port=server.port)
    try:
        tab.until(f"{BANNER}.hidden", within=40)
        tab.until(is_shown(run, "failed"), within=40)  # its worker was killed with the server
    finally:
        again.end()


def test_who_signs_out_elsewhere_is_told_and_no_socket_is_tried_again(owner: User, tab_of: TabOf) -> None:
    tab = tab_of(owner)
    tab.page.clock.install()
    run = start(owner)
    watch(tab, run)
    is_open(tab)
    Session.objects.all().delete()
    tab.until(SHOWN)
    assert "Sign in again" in tab.page.inner_text("#connection")
    assert asked_in_ten_minutes(tab) == set()
    tab.page.get_by_role("link", name="Sign in again").click()
    assert tab.page.get_by_label("Password").is_visible()


def test_several_tabs_say_the_same(owner: User, tab_of: TabOf) -> None:
    run = start(owner)
    one, other, overview = tab_of(owner), tab_of(owner), tab_of(owner)
    watch(one, run)
    watch(other, run)
    overview.open("/tasks/")
    one.page.click(f"#run-{run}-cancel")
    one.page.click("dialog[open] .button-danger-full")
    for tab in (one, other, overview):
        tab.until(is_shown(run, "cancelled"))
    seqs = {tab.page.get_attribute(f"#run-{run}-progress", "data-seq") for tab in (one, other, overview)}
    assert len(seqs) == 1
    for tab in (one, other):
        tab.until("document.title.startsWith('Cancelled: Import')")
        tab.until(f"document.querySelector('#run-{run}-retry')")
    assert one.complaints == other.complaints == overview.complaints == []


def test_a_run_that_ends_before_the_page_listens_is_shown_as_ended(owner: User, tab_of: TabOf) -> None:
    # Trap 13. The page is there, its scripts are late: when its sockets open, no frame speaks of the run any more.
    run = start(owner, "early")
    eventually(TaskRun.objects.filter(pk=run, status="running").exists, within=30)
    held: list[Route] = []
    overview, detail = tab_of(owner), tab_of(owner)
    for tab, path in ((overview, "/tasks/"), (detail, f"/tasks/{run}/")):
        tab.page.route("**/connection*.js", lambda route: held.append(route))
        tab.page.goto(tab.url + path, wait_until="commit")
        tab.until(is_shown(run, "running"))
    finish(run, "early")
    for route in held:
        route.continue_()
    for tab in (overview, detail):
        tab.until(is_shown(run, "completed"))


@pytest.fixture
def network(server: Server) -> Iterator[Network]:
    """Between the browser and the server."""
    network = Network(server.port)
    yield network
    network.end()


@pytest.fixture
def far_tab(network: Network, tab_at: TabAt, owner: User) -> Tab:
    """The owner's tab at the other end of the network."""
    return tab_at(network.url, owner)


def test_a_laptop_that_slept_shows_the_truth_within_seconds(owner: User, far_tab: Tab, network: Network) -> None:
    far_tab.page.clock.install()
    run = start(owner, "asleep")
    watch(far_tab, run)
    is_open(far_tab)
    network.go_silent()  # nobody tells the browser that its connections are dead
    finish(run, "asleep")
    assert far_tab.page.evaluate(f"() => {is_shown(run, 'running')}")
    far_tab.page.clock.fast_forward(3_600_000)
    far_tab.until(is_shown(run, "completed"), within=30)
    far_tab.until(f"{BANNER}.hidden", within=30)


def test_a_connection_that_dies_without_a_word_is_found_out_and_said(
    owner: User, far_tab: Tab, network: Network
) -> None:
    far_tab.page.clock.install()
    run = start(owner, "silent")
    watch(far_tab, run)
    is_open(far_tab)
    network.go_silent()
    tries = far_tab.page.evaluate("seen.tries")

    def is_tried_again() -> bool:
        far_tab.page.clock.run_for(1_000)
        return bool(far_tab.page.evaluate("seen.tries") >= tries + 2)

    eventually(is_tried_again, within=30, what="both sockets are opened anew")
    finish(run, "silent")
    far_tab.until(is_shown(run, "completed"))


def test_offline_is_said_and_over_when_it_is_over(owner: User, far_tab: Tab, network: Network) -> None:
    run = start(owner, "offline")
    watch(far_tab, run)
    is_open(far_tab)
    network.cut()
    far_tab.page.context.set_offline(True)
    far_tab.until(SHOWN)
    finish(run, "offline")
    assert far_tab.page.evaluate(f"() => {is_shown(run, 'running')}")
    network.mend()
    far_tab.page.context.set_offline(False)
    far_tab.until(is_shown(run, "completed"))
    far_tab.until(f"{BANNER}.hidden")


def test_a_frozen_page_catches_up_when_it_thaws(owner: User, tab_of: TabOf) -> None:
    tab = tab_of(owner)
    run = start(owner, "frozen")
    watch(tab, run)
    is_open(tab)
    browser = tab.page.context.new_cdp_session(tab.page)
    browser.send("Page.setWebLifecycleState", {"state": "frozen"})
    finish(run, "frozen")
    browser.send("Page.setWebLifecycleState", {"state": "active"})
    tab.until(is_shown(run, "completed"))


def test_going_back_shows_the_truth(owner: User, server: Server, tab_of: TabOf, tab_at: TabAt) -> None:
    # Chromium keeps no page with sockets that is `no-store`, as ours are: it asks for it again. Other browsers, and
    # Chromium where that is rewritten, keep it as it was, with its sockets closed.
    network = Network(server.port, rewrite=lambda data: data.replace(b"no-store", b"no-cache"))
    run = start(owner, "back")
    asked_again, kept = tab_of(owner), tab_at(network.url, owner)
    try:
        for tab in (asked_again, kept):
            tab.page.add_init_script("addEventListener('pageshow', (event) => { window.wasKept = event.persisted; })")
            watch(tab, run)
            is_open(tab)
            tab.open("/notifications/")
        finish(run, "back")
        for tab in (asked_again, kept):
            tab.page.go_back(wait_until="commit")
            tab.until(is_shown(run, "completed"))
            tab.until(f"{BANNER}.hidden")
            assert tab.page.evaluate("() => wasKept") is (tab is kept)
    finally:
        network.end()


def test_without_redis_pages_go_on_and_are_right(owner: User, engine_tables: None, tab_at: TabAt) -> None:
    port = free_port()
    environment = {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    processes: list[Process] = []
    try:
        with redis(port) as layer:
            # One by one: should the second not start, the first is known and ended.
            processes.append(Process("worker", **environment))
            processes.append(ServerAsItIs("--no-worker", **environment))
            tab = tab_at(processes[-1].url, owner)
            run = start(owner, "no redis")
            watch(tab, run)
            is_open(tab)
            layer.kill()
            layer.wait()
        finish(run, "no redis")
        tab.until(is_shown(run, "completed"))
        tab.until(f"{BANNER}.hidden")
        tab.until("document.querySelector('#bell-count').dataset.unread === '1'")
    finally:
        for process in processes:
            process.end()
