"""What a screen reader is told: the names and roles of the parts, and what is said while a run goes on."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, expect

from ingest.models import Topic
from notifications import facade
from tasks import queues
from tasks.models import TaskRun
from tasks.states import Status
from tests.browser.tabs import Tab
from tests.browser.watching import OBSERVED, is_open
from tests.ingest.articles import make_article
from tests.tasks import functions
from tests.tasks.runs import make_run_in

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(180)]

type TabOf = Callable[[User], Tab]

# Everything that was put where a screen reader hears it at once, and how urgently.
HEARD = """
window.heard = [];
document.addEventListener("DOMContentLoaded", () => {
  for (const id of ["announcer", "alerter"]) {
    const place = document.getElementById(id);
    new MutationObserver(() => {
      if (place.textContent) heard.push(`${place.getAttribute("role")}: ${place.textContent.trim()}`);
    }).observe(place, {childList: true, characterData: true, subtree: true});
  }
});
"""


def is_told(part: Locator, snapshot: str) -> None:
    """A part of a page is told as `snapshot` has it, in that order; what that leaves out may be there too."""
    expect(part.first).to_match_aria_snapshot(snapshot)


def test_every_part_says_what_it_is_and_what_its_buttons_are_about(owner: User, tab_of: TabOf) -> None:
    queues.pause("default", by=owner)
    run = make_run_in(Status.FAILED, owner, name="Import", topic="feeds")
    waiting = make_run_in(Status.PENDING, owner, name="Export")
    TaskRun.objects.filter(pk=run.pk).update(total_items=1000, processed_items=450, stage="reading")
    facade.create_notification(username="owner", type="news", title="Hello", message="Good news")
    topic = Topic.objects.create(owner=owner, name="Energy")
    article = make_article(topic, title="Night trains")
    tab = tab_of(owner)
    page = tab.open("/tasks/")

    page.click("button.bell")
    is_told(
        page.get_by_role("banner"),
        """
        - banner:
          - link "Status board"
          - navigation "Main":
            - list:
              - listitem:
                - link "Dashboard"
              - listitem:
                - link "Keyword alerts"
              - listitem:
                - link "Runs"
          - button /Notifications, [0-9]+ unread/ [expanded]
          - region "Notifications":
            - heading "Notifications" [level=2]
            - button "Mark all as read"
            - list:
              - listitem:
                - article:
                  - text: "Unread: Hello"
                  - paragraph: Good news
                  - button "Mark “Hello” as read"
                  - button "Dismiss “Hello”"
            - link "All notifications"
        """,
    )
    page.keyboard.press("Escape")
    is_told(
        page.locator(f"#run-{run.pk}"),
        """
        - article:
          - heading "Import" [level=3]:
            - link "Import"
          - text: Failed
          - button "Retry Import"
        """,
    )
    page.click(f"#run-{waiting.pk}-cancel")
    is_told(
        page.get_by_role("dialog"),
        """
        - dialog "Cancel “Export”?":
          - heading "Cancel “Export”?" [level=2]
          - paragraph
          - button "Keep it"
          - button "Cancel this run"
        """,
    )

    page = tab.open(waiting.get_absolute_url())
    is_told(
        page.get_by_role("main"),
        """
        - main:
          - heading "Export" [level=1]
          - paragraph: /Waiting/
          - link "Cancel Export"
          - region "Progress":
            - progressbar "Export"
          - heading "Timeline" [level=2]
          - list
          - heading "Facts" [level=2]
        """,
    )

    page = tab.open(topic.get_absolute_url())
    is_told(
        page.locator(f"#article-{article.pk}"),
        """
        - 'article "Unread: Night trains"':
          - checkbox "Select Night trains"
          - 'heading "Unread: Night trains" [level=3]':
            - link "Night trains"
          - paragraph:
            - link "Original of Night trains, in a new tab"
            - button /Mark read .* Night trains/
            - button /Star .* Night trains/
            - button /Reject .* Night trains/
        """,
    )


def test_the_start_each_quarter_and_the_end_of_a_run_are_said_and_a_failure_is_cried(
    owner: User, tab_of: TabOf
) -> None:
    queues.pause("default", by=owner)  # until somebody listens
    good = functions.tick.using(owner=owner, title="Import").enqueue(600).id
    bad = functions.raise_secretly.using(owner=owner, title="Export").enqueue().id
    tab = tab_of(owner)
    tab.page.add_init_script(HEARD)
    other = Tab.of(tab.page.context.new_page(), tab.url)
    other.page.add_init_script(HEARD)
    for each, run in ((tab, good), (other, bad)):
        each.page.add_init_script(OBSERVED)
        each.open(f"/tasks/{run}/")
        is_open(each)
    queues.resume("default", by=owner)
    tab.until("heard.some((words) => words.includes('Import has completed'))", within=60)
    heard = tab.page.evaluate("() => heard")
    said = [words.partition(" Notifications, ")[0] for words in heard if "Import" in words]
    quarters = [words for words in said if "%" in words]
    assert said == ["status: Import has started.", *quarters, "status: Import has completed."]
    # On a slow machine a run may take two quarters at one step.
    assert quarters, "what has been reached is said meanwhile"
    assert quarters == sorted(set(quarters))
    assert set(quarters) <= {f"status: Import: {percent}%" for percent in (25, 50, 75)}
    other.until("heard.some((words) => words.startsWith('alert: Export has failed.'))")
    assert len([words for words in other.page.evaluate("() => heard") if words.startswith("alert")]) == 1
    assert tab.page.evaluate("() => document.activeElement === document.body"), "no announcement moves focus"
