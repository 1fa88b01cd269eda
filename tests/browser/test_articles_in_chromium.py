"""A list of articles with keys, with ticks, and while it changes underneath."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from ingest.models import Article, Topic
from tests.browser.tabs import Tab
from tests.ingest.articles import make_article
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(120)]

type TabOf = Callable[[User], Tab]
FOCUSED = "document.activeElement.id"


@pytest.fixture
def arguments() -> tuple[str, ...]:
    """The web side alone."""
    return ("--no-worker",)


@pytest.fixture
def articles(owner: User) -> list[Article]:
    """Three articles of a topic, as the list shows them."""
    topic = Topic.objects.create(owner=owner, name="Energy")
    return [make_article(topic) for _ in range(3)][::-1]


def test_a_list_is_read_with_keys_alone(owner: User, tab_of: TabOf, articles: list[Article]) -> None:
    tab = tab_of(owner)
    page = tab.open(articles[0].topic.get_absolute_url())
    second = articles[1]
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate(FOCUSED) == f"article-{second.pk}-link"
    page.keyboard.press("m")
    expect(page.locator(f"#article-{second.pk}-read")).to_contain_text("Mark unread")
    page.keyboard.press("s")
    expect(page.locator(f"#article-{second.pk} .badge").first).to_have_text("Starred")
    expect(page.locator("#count-unread")).to_have_text("2")
    expect(page.locator("#count-starred")).to_have_text("1")
    assert page.evaluate(FOCUSED) == f"article-{second.pk}-link", "what was swapped gave focus to its namesake"
    page.keyboard.press("k")
    assert page.evaluate(FOCUSED) == f"article-{articles[0].pk}-link"

    page.keyboard.press("/")
    page.keyboard.type("jm?")
    assert page.input_value("#search") == "jm?", "where one writes, keys are letters"
    page.locator("#tab-all").focus()
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    page.check("#shortcuts-off")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.evaluate(FOCUSED) == "tab-all", "keys that are off do nothing"

    page.keyboard.press("Tab")
    page.goto(tab.url + f"/keyword-alerts/articles/{articles[2].pk}/")
    eventually(lambda: Article.objects.get(pk=articles[2].pk).read_at, what="who sees an article has read it")
    assert tab.complaints == []


def test_ticks_and_focus_stay_while_the_list_changes_and_all_of_it_can_be_undone(
    owner: User, tab_of: TabOf, articles: list[Article]
) -> None:
    tab = tab_of(owner)
    topic = articles[0].topic
    page = tab.open(topic.get_absolute_url())
    page.check(f"#article-{articles[2].pk}-pick")
    page.select_option("#bulk-action", "star")
    page.focus(f"#article-{articles[1].pk}-link")
    late = make_article(topic)
    page.evaluate("() => window.live.refresh()")
    tab.until(f"document.querySelector('#article-{late.pk}')")
    assert page.is_checked(f"#article-{articles[2].pk}-pick")
    assert page.input_value("#bulk-action") == "star"
    assert page.evaluate(FOCUSED) == f"article-{articles[1].pk}-link"
    expect(page.locator("#count-unread")).to_have_text("4")

    page.check("#pick-all")
    page.focus("#pick-all")
    later = make_article(topic)
    page.evaluate("() => window.live.refresh()")
    tab.until(f"document.querySelector('#article-{later.pk}')")
    assert page.evaluate(FOCUSED) == "pick-all", "what only a script can use is no less there"
    page.check(f"#article-{later.pk}-pick")
    page.click("#bulk-apply")
    expect(page.get_by_text("5 articles starred.").first).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back")).to_be_visible()
    assert not Article.objects.exclude(starred_at=None).exists()
    assert tab.complaints == []
