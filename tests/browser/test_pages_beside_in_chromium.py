"""Pages that nobody goes to by a link, and what of Django's admin is ours: they keep nobody out either."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation
from playwright.sync_api import Browser, Route

from notifications import facade
from tests.browser.axe import violations
from tests.browser.looks import faults
from tests.browser.tabs import Tab
from tests.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(120)]

ERRORS = ("400", "403", "403_csrf", "404", "413", "429", "500")
# Django's own list: its filters are 20 px high, its search box is named by a title.
OF_DJANGO = ("target-size", "label-title-only")


@pytest.fixture
def arguments() -> tuple[str, ...]:
    """No run is made."""
    return ("--no-worker",)


def test_pages_of_errors_fit_and_can_be_read_by_everyone(server: Server, chromium: Browser) -> None:
    tab = Tab.of(
        chromium.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce").new_page(), server.url
    )

    def answer(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        with translation.override("de"):  # the longest words
            route.fulfill(body=render_to_string(f"{name}.html", {"wait": "2 Minuten"}), content_type="text/html")

    tab.page.route("**/errors/*", answer)
    found = {name: faults(tab.open(f"/errors/{name}"), 390) for name in ERRORS}
    assert not any(found.values()), found


def test_what_is_ours_in_the_admin_keeps_nobody_out(
    server: Server, chromium: Browser, staff: User, client_of: Callable[[User], Client]
) -> None:
    facade.create_notification(username=None, type="news", title="For all", message="M")
    context = chromium.new_context()
    session = client_of(staff).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    tab = Tab.of(context.new_page(), server.url)
    listed = violations(tab.open("/admin/notifications/notification/"))
    assert [fault for fault in listed if not fault.startswith(OF_DJANGO)] == []
    page = tab.open("/admin/notifications/notification/compose/")
    assert violations(page) == []
    page.get_by_role("button", name="Preview").click()
    assert violations(page) == []  # with its errors
    page.get_by_label("Title").fill("Tonight")
    page.get_by_label("Message").fill("We move.")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Send").wait_for()
    assert violations(page) == []
