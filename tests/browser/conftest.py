"""A real browser before a real server, for what only a browser can show."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, sync_playwright

from tests.browser.tabs import ARGUMENTS, Tab
from tests.servers import Server, require


@pytest.fixture
def environment() -> dict[str, str]:
    """What the server's environment says; tests put their own in its place."""
    return {}


@pytest.fixture
def server(engine_tables: None, environment: dict[str, str]) -> Iterator[Server]:
    """`manage.py serve` on the test's database."""
    process = Server(**{"TASKS_GRACE_SECONDS": "0.2", **environment})
    yield process
    process.end()


@pytest.fixture
def chromium(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Debian's Chromium."""
    path = require("chromium")
    # Playwright's synchronous API keeps a loop on this thread; Django would take the test for a coroutine.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def tab_of(server: Server, chromium: Browser, client_of: Callable[[User], Client]) -> Callable[[User], Tab]:
    """`tab_of(user)`: a browser of its own, signed in as `user`."""

    def make(user: User) -> Tab:
        tab = Tab.new(chromium, server.url)
        session = client_of(user).cookies[settings.SESSION_COOKIE_NAME].value
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": server.url}
        tab.page.context.add_cookies([cookie])
        return tab

    return make
