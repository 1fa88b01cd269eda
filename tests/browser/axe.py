"""axe-core in a page: what keeps people out of it."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

# Our CSP lets no script of others into a page. Playwright evaluates over the debugging protocol, as the browser's own
# developer tools do, and that is not bound by the page's policy; a <script> that Playwright adds would be.
SOURCE = (files("axe_playwright_python") / "axe.min.js").read_text()

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# The rules whose answer may be another one in another colour scheme.
COLOURS = ("color-contrast", "link-in-text-block")

RUN = """async ([within, type, values]) => {
  const { violations } = await axe.run(within, { runOnly: { type, values }, resultTypes: ["violations"] });
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id} (${help}): ${node.target.join(" ")} ${node.failureSummary.replaceAll(/\\s+/g, " ")}`));
}"""


def violations(page: Page, within: str = "html", *, rules: Sequence[str] = ()) -> list[str]:
    """What axe-core finds wrong in the part of a page that `within` selects: by all rules of `TAGS`, or by `rules`."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(SOURCE)
    found: list[Any] = page.evaluate(RUN, [within, "rule" if rules else "tag", list(rules or TAGS)])
    return [str(each) for each in found]
