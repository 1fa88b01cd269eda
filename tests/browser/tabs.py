"""A tab of a real browser, and everything the browser complained of in it."""

from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Page, Request

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
    asking: set[Request] = field(default_factory=set)

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
        tab.page.on("request", lambda request: tab.asking.add(request))
        for end in ("requestfinished", "requestfailed"):
            tab.page.on(end, lambda request: tab.asking.discard(request))
        return tab

    def open(self, path: str) -> Page:
        """Go to a path of the site."""
        self.page.goto(self.url + path)
        return self.page

    def until(self, expression: str, within: float = 15) -> None:
        """Wait until a JavaScript expression is true. Playwright's own way needs eval, which our CSP forbids."""
        eventually(lambda: self.page.evaluate(f"() => ({expression})"), within=within, what=expression)

    def let_pass(self, milliseconds: int) -> None:
        """Let the page's own time go by; `page.clock` is installed. What it asks for then is answered first.

        Its limits of time, `AbortSignal.timeout` too, are in its own time: it would give up on a server that is fast.
        """
        self.page.clock.run_for(milliseconds)
        eventually(self._hears_nothing_more, what="answers to what the page asks for")

    def _hears_nothing_more(self) -> bool:
        # An answer may make the page ask for more, so it is given a moment; this one is of the server's time.
        was_quiet = not self.asking
        self.page.wait_for_timeout(30)
        return was_quiet and not self.asking

    def heard(self, message: ConsoleMessage) -> None:
        """Keep errors and warnings, which CSP violations are too."""
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)
