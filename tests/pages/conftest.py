"""A real browser before a real server, for what only a browser can show."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.servers import Server
from tests.waiting import eventually

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Tab:
    """A signed-in page, and everything the browser complained of."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go to a path of the site."""
        self.page.goto(self.url + path)
        return self.page

    def until(self, expression: str, within: float = 15) -> None:
        """Wait until a JavaScript expression is true. Playwright's own way needs eval, which our CSP forbids."""
        eventually(lambda: self.page.evaluate(f"() => ({expression})"), within=within, what=expression)

    def heard(self, message: ConsoleMessage) -> None:
        """Keep errors and warnings."""
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@pytest.fixture
def server(engine_tables: None) -> Iterator[Server]:
    """`manage.py serve` on the test's database."""
    process = Server(TASKS_GRACE_SECONDS="0.2")
    yield process
    process.end()


@pytest.fixture
def chromium(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    # Playwright's synchronous API keeps a loop on this thread; Django would take the test for a coroutine.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def tab_of(server: Server, chromium: Browser, client_of: Callable[[User], Client]) -> Callable[[User], Tab]:
    """`tab_of(user)`: a browser of its own, signed in as `user`."""

    def make(user: User) -> Tab:
        context = chromium.new_context()
        session = client_of(user).cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": server.url}])
        tab = Tab(context.new_page(), server.url)
        tab.page.on("console", tab.heard)
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        return tab

    return make
