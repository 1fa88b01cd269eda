"""Notifications in several tabs and on several devices: read here is read there, and nothing is swallowed."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from notifications import facade
from notifications.models import Notification
from tests.browser.network import Network
from tests.browser.tabs import Tab
from tests.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.process]

type TabAt = Callable[[str, User], Tab]
COUNT = "document.querySelector('#bell-count').dataset.unread"


@pytest.fixture
def arguments() -> tuple[str, ...]:
    """The web side alone."""
    return ("--no-worker",)


@pytest.fixture
def network(server: Server) -> Iterator[Network]:
    """Between one of the devices and the server."""
    network = Network(server.port)
    yield network
    network.end()


def notify(title: str) -> Notification:
    return facade.create_notification(username="owner", type="news", title=title, message="…")


def titles(page: Page, within: str) -> list[str]:
    """What is listed there, the newest first."""
    return [title.split("\n")[-1].strip() for title in page.locator(f"{within} .notice-title").all_inner_texts()]


def test_read_state_is_in_step_on_every_device_and_right_after_sleep(
    owner: User, server: Server, network: Network, tab_at: TabAt
) -> None:
    for title in ("First", "Second", "Third"):
        notify(title)
    tab, laptop = tab_at(server.url, owner), tab_at(network.url, owner)
    laptop.page.clock.install()
    beside = Tab.of(tab.page.context.new_page(), tab.url)
    listing = Tab.of(laptop.page.context.new_page(), laptop.url)
    listing.page.clock.install()
    beside.open("/tasks/")
    listing.open("/notifications/")
    laptop.open("/").click("button.bell")
    laptop.until("document.querySelectorAll('#bell-panel article').length === 3")

    page = tab.open("/")
    page.click("button.bell")
    page.get_by_role("button", name="Mark “Third” as read").click()
    for each in (tab, beside, laptop, listing):
        each.until(f"{COUNT} === '2'")
    laptop.until("document.querySelectorAll('#bell-panel .notice-unread').length === 2")
    listing.until("document.querySelectorAll('#notices .notice-unread').length === 2")

    network.go_silent()
    page.get_by_role("button", name="Dismiss “Second”").click()
    tab.until(f"{COUNT} === '1'")
    notify("Fourth")  # as many are unread as before the laptop fell asleep
    beside.until(f"{COUNT} === '2'")
    for asleep in (laptop, listing):
        asleep.page.clock.fast_forward(3_600_000)
    expect(listing.page.locator("#notices .notice-title").first).to_contain_text("Fourth")
    expect(laptop.page.locator("#bell-panel .notice-title").first).to_contain_text("Fourth")
    assert titles(listing.page, "#notices") == titles(laptop.page, "#bell-panel") == ["Fourth", "Third", "First"]
    assert tab.complaints == beside.complaints == []


def test_marking_all_as_read_leaves_what_came_after_it_was_shown(
    owner: User, server: Server, chromium: Browser, client_of: Callable[[User], Client]
) -> None:
    notify("Seen")
    # Without JavaScript nothing new is shown by itself, however long the test takes.
    context = chromium.new_context(java_script_enabled=False)
    context.add_cookies(
        [{"name": "sessionid", "value": client_of(owner).cookies["sessionid"].value, "url": server.url}]
    )
    page = context.new_page()
    page.goto(f"{server.url}/notifications/")
    notify("Not seen")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.locator("#notices .notice-unread")).to_contain_text("Not seen")
    assert list(Notification.objects.filter(read=False).values_list("title", flat=True)) == ["Not seen"]
