"""Rules in a real browser: the preview follows what one types, and a re-check shows its bar."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from ingest.models import Topic
from tests.browser.tabs import Tab
from tests.ingest.stored import store_article

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(180)]


def test_the_preview_follows_what_one_types_and_a_recheck_makes_it_true(
    tab_of: Callable[[User], Tab], owner: User
) -> None:
    topic = Topic.objects.create(owner=owner, name="Energy")
    topic.keywords.create(phrase="heat pump")
    store_article(topic, "Heat pumps for all", "approved")
    store_article(topic, "Wind farms at sea", "filtered_relevance")
    tab = tab_of(owner)
    page = tab.open(reverse("topic-rules", args=[topic.pk]))
    page.get_by_label("Look for").fill("title: wind")
    page.locator("#preview").get_by_text("1 would come in, 1 would go").wait_for()
    assert page.locator("#preview").get_by_role("link", name="Wind farms at sea").count() == 1
    assert page.evaluate("document.activeElement.name") == "include", "typing goes on"
    page.get_by_label("Look for").fill("...")
    page.locator("#preview").get_by_text("letters or digits").wait_for()
    assert topic.keywords.get().phrase == "heat pump", "nothing is saved"

    page.get_by_label("Look for").fill("title: wind")
    page.get_by_role("button", name="Save rules").click()
    page.get_by_role("button", name="Re-check 2 articles").click()
    page.locator("#recheck").get_by_text("Completed").wait_for(timeout=60_000)
    page.get_by_role("button", name="Re-check").wait_for(state="detached")
    assert dict(topic.articles.values_list("title", "decision")) == {
        "Heat pumps for all": "filtered_relevance", "Wind farms at sea": "approved"
    }  # fmt: skip
    assert tab.complaints == []
