"""A tab of a real browser, and everything the browser complained of in it."""

from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.waiting import eventually

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
    """A page of a browser context of its own: nobody else's cookies."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def new(cls, browser: Browser, url: str) -> "Tab":
        """An empty tab that will visit the site at `url`."""
        return cls.of(browser.new_context().new_page(), url)

    @classmethod
    def of(cls, page: Page, url: str) -> "Tab":
        """The same with a page that is there already."""
        tab = cls(page, url)
        tab.page.on("console", tab.heard)
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        return tab

    def open(self, path: str) -> Page:
        """Go to a path of the site."""
        self.page.goto(self.url + path)
        return self.page

    def until(self, expression: str, within: float = 15) -> None:
        """Wait until a JavaScript expression is true. Playwright's own way needs eval, which our CSP forbids."""
        eventually(lambda: self.page.evaluate(f"() => ({expression})"), within=within, what=expression)

    def heard(self, message: ConsoleMessage) -> None:
        """Keep errors and warnings, which CSP violations are too."""
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)
