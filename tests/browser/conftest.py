"""A real browser before a real server, for what only a browser can show."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.tabs import ARGUMENTS, Tab
from tests.servers import Server, ServerAsItIs, require


@pytest.fixture
def environment() -> dict[str, str]:
    """What the server's environment says; tests put their own in its place."""
    return {}


@pytest.fixture
def arguments() -> tuple[str, ...]:
    """What the server is started with; tests that want the web side alone say `--no-worker`."""
    return ()


@pytest.fixture
def server(engine_tables: None, arguments: tuple[str, ...], environment: dict[str, str]) -> Iterator[Server]:
    """`manage.py serve` on the test's database."""
    process = ServerAsItIs(*arguments, **{"TASKS_GRACE_SECONDS": "0.2", **environment})
    yield process
    process.end()


@pytest.fixture
def chromium(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Debian's Chromium."""
    path = require("chromium")
    expect.set_options(timeout=20_000)  # a server that several tests share a processor with is slower than 5 s
    # Playwright's synchronous API keeps a loop on this thread; Django would take the test for a coroutine.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        # Playwright would turn off what people's browsers do: to keep pages for a step back.
        browser = playwright.chromium.launch(
            executable_path=path, args=list(ARGUMENTS), ignore_default_args=["--disable-back-forward-cache"]
        )
        yield browser
        browser.close()


@pytest.fixture
def tab_at(chromium: Browser, client_of: Callable[[User], Client]) -> Callable[[str, User], Tab]:
    """`tab_at(url, user)`: a browser of its own, signed in as `user` at the site at `url`."""

    def make(url: str, user: User) -> Tab:
        tab = Tab.new(chromium, url)
        session = client_of(user).cookies[settings.SESSION_COOKIE_NAME].value
        tab.page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        return tab

    return make


@pytest.fixture
def tab_of(server: Server, tab_at: Callable[[str, User], Tab]) -> Callable[[User], Tab]:
    """`tab_of(user)`: the same at the server of the test."""
    return partial(tab_at, server.url)
