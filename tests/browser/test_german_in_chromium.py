"""A German page stays German where scripts write: times, the title, and what is said when the connection is lost."""

import re
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from notifications import facade
from notifications.models import Notification
from notifications.preferences import save_preferences
from tests.browser.tabs import Tab
from tests.browser.watching import OBSERVED, SHOWN
from tests.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.process]


@pytest.fixture
def arguments() -> tuple[str, ...]:
    """No run is made."""
    return ("--no-worker",)


def test_what_scripts_write_is_german_too(owner: User, server: Server, tab_of: Callable[[User], Tab]) -> None:
    save_preferences(owner, language="de", time_zone="Europe/Berlin")
    told = facade.create_notification(username="owner", type="task_failed", title="Import", message="M")
    Notification.objects.filter(pk=told.pk).update(created_at=timezone.now() - timedelta(hours=3, minutes=1))
    tab = tab_of(owner)
    tab.page.add_init_script(OBSERVED)
    page = tab.open("/notifications/")
    assert page.get_attribute("html", "lang") == "de"
    tab.until("seen.answers")
    # The browser is an American one; page and scripts go by the person.
    tab.until("document.querySelector('time[data-relative]').textContent === 'vor 3 Stunden'")
    exact = page.get_attribute("time[data-relative]", "title") or ""
    assert re.fullmatch(r"\d\d\.\d\d\.\d{4}, \d\d:\d\d:\d\d", exact), exact
    facade.create_notification(username="owner", type="task_failed", title="Noch einer", message="M")
    tab.until("document.getElementById('announcer').textContent === 'Benachrichtigungen, 2 ungelesen.'")
    tab.until("document.querySelectorAll('time[data-relative]')[0].textContent === 'gerade eben'")
    assert page.inner_text("#bell-count .visually-hidden") == "Benachrichtigungen, 2 ungelesen"
    server.send(signal.SIGKILL)
    server.wait()
    tab.until(SHOWN)
    assert re.search(r"unterbrochen.* \d\d:\d\d:\d\d\b(?! [AP]M)", page.inner_text("#connection"))
