"""What a person does with articles: one, those selected, all that match; and the page of one article."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ingest.lists import marking
from ingest.lists.marking import Action
from ingest.models import Article, Topic
from tasks.models import TaskRun
from tests.ingest.articles import make_article
from tests.pages.reading import Element, page, queries_to_render, read

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db
BULK = "/keyword-alerts/articles/bulk/"
UNDO = "/keyword-alerts/articles/undo/"
# What each action makes of each decision; what is not here stays as it is.
CHANGES = {
    (Action.ADD, "filtered_relevance"): "approved",
    (Action.ADD, "rejected_quality"): "approved",
    (Action.ADD, "duplicate"): "approved",
    (Action.REJECT, "approved"): "rejected_quality",
    (Action.REREAD, "failed"): "pending",
}


def mark(client: Client, article: Article, action: str) -> Article:
    """The article after its button was pressed."""
    assert client.post(reverse(f"article-{action}", args=[article.pk])).status_code == 302
    article.refresh_from_db()
    return article


@pytest.mark.parametrize("action", [Action.ADD, Action.REJECT])
@pytest.mark.parametrize(
    "decision", ["approved", "filtered_relevance", "rejected_quality", "duplicate", "failed", "pending"]
)
def test_a_person_decides_what_makes_sense_and_it_says_who(
    client_of: ClientOf, owner: User, topic: Topic, action: Action, decision: str
) -> None:
    article = make_article(topic, decision, reasons={"relevance": {"reason": "1 × heat pump"}})
    mark(client_of(owner), article, action)
    assert article.decision == CHANGES.get((action, decision), decision)
    if (action, decision) in CHANGES:
        assert article.reasons["person"]["by"] == "owner"
        assert article.reasons["relevance"] == {"reason": "1 × heat pump"}, "the scores' reasons stay"
        assert [past.decision for past in article.past_decisions.all()] == [decision]
        assert not topic.articles.judged_otherwise("x").exists(), "a re-check leaves it alone"


def test_read_and_star_come_and_go(client_of: ClientOf, owner: User, topic: Topic) -> None:
    client, article = client_of(owner), make_article(topic)
    assert mark(client, article, "read").read_at is not None
    assert mark(client, article, "unread").read_at is None
    assert mark(client, article, "star").starred_at is not None
    assert mark(client, article, "unstar").starred_at is None
    failed = make_article(topic, "failed")
    assert mark(client, failed, "read").read_at is None, "only what was added is read or unread"


def test_what_failed_is_fetched_again(engine_tables: None, client_of: ClientOf, owner: User, topic: Topic) -> None:
    article = make_article(topic, "failed")
    assert mark(client_of(owner), article, "reread").decision == "pending"
    assert (article.failure, article.decided_at) == ("", None)
    assert TaskRun.objects.get().name == "Auto-Collect: Energy"


def test_the_pages_script_gets_what_has_changed(client_of: ClientOf, owner: User, topic: Topic) -> None:
    article = make_article(topic, title="<b>bold</b>")
    make_article(topic)
    make_article(Topic.objects.create(owner=owner, name="Other"))
    client, path = client_of(owner), reverse("article-read", args=[article.pk])
    answer = read(client.post(path, {"scope": topic.pk}, headers={"HX-Request": "true"}).content)
    assert [element.attrs["id"] for element in answer.children] == [
        f"article-{article.pk}", "count-unread", "count-starred"
    ]  # fmt: skip
    assert not answer.all("b")
    assert answer.one("span", id="count-unread").text == "1"
    everywhere = read(client.post(path, headers={"HX-Request": "true"}).content)
    assert everywhere.one("span", id="count-unread").text == "2"


def test_selected_articles_are_changed_and_it_can_be_taken_back(
    client_of: ClientOf, owner: User, stranger: User, topic: Topic
) -> None:
    mine = [make_article(topic) for _ in range(3)]
    theirs = make_article(Topic.objects.create(owner=stranger, name="Theirs"))
    client, back = client_of(owner), topic.get_absolute_url()
    ids = [mine[0].pk, mine[1].pk, theirs.pk, "x", 10**30]
    answer = client.post(BULK, {"action": "read", "ids": ids, "next": back}, follow=True)
    document = read(answer.content)
    assert "2 articles marked read." in document.text
    assert set(Article.objects.unread()) == {mine[2], theirs}
    assert document.one("form", action=UNDO)
    assert "Taken back: 2 articles marked unread." in client.post(UNDO, {"next": back}, follow=True).content.decode()
    assert topic.articles.unread().count() == 3
    assert "nothing to take back" in client.post(UNDO, {"next": back}, follow=True).content.decode()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"action": "read"}, "select articles first"),
        ({"action": "read", "ids": ["x"]}, "select articles first"),
        ({"action": "burn", "ids": ["1"]}, "choose what to do"),
        ({}, "choose what to do"),
        ({"action": "add", "ids": ["{approved}"]}, "No article was changed"),
    ],
)
def test_a_selection_that_makes_no_sense_is_said(
    client_of: ClientOf, owner: User, topic: Topic, sent: dict[str, str | list[str]], said: str
) -> None:
    pk = str(make_article(topic).pk)
    sent = {
        key: [one.format(approved=pk) for one in value] if isinstance(value, list) else value
        for key, value in sent.items()
    }
    assert said in client_of(owner).post(BULK, sent, follow=True).content.decode()


def form_of(document: Element) -> dict[str, str]:
    """What the question's form would send."""
    return {one.attrs["name"]: one.attrs["value"] for one in document.one("form", action=BULK).all("input")}


def test_all_that_match_are_counted_first_and_frozen(client_of: ClientOf, owner: User, topic: Topic) -> None:
    for _ in range(25):
        make_article(topic, language="en")
    make_article(topic, language="de")
    make_article(Topic.objects.create(owner=owner, name="Other"), language="en")
    client = client_of(owner)
    listed = page(client, f"{topic.get_absolute_url()}?language=en")
    question = page(client, listed.one("a", id="all-read").attrs["href"])
    assert "25" in question.one("dl").text and "Energy" in question.one("dl").text
    sent = form_of(question)
    late = make_article(topic, language="en", found_at=timezone.now() - timedelta(days=1))
    answer = client.post(BULK, sent, follow=True)
    assert "25 articles marked read." in answer.content.decode()
    assert topic.articles.unread().filter(language="en").get() == late
    assert Article.objects.unread().count() == 3


def test_more_than_was_said_are_not_touched(client_of: ClientOf, owner: User, topic: Topic) -> None:
    make_article(topic), make_article(topic)
    client = client_of(owner)
    sent = form_of(page(client, f"{BULK}?action=star&topic={topic.pk}")) | {"expected": "1"}
    answer = client.post(BULK, sent)
    assert answer.status_code == 409
    assert "It is 2 now" in answer.content.decode()
    assert not Article.objects.exclude(starred_at=None).exists()


@pytest.mark.parametrize("lost", ["show", "q", "topic", "asked_at", "action", "language"])
def test_a_filter_lost_on_the_way_is_not_everything(client_of: ClientOf, owner: User, topic: Topic, lost: str) -> None:
    make_article(topic)
    client = client_of(owner)
    sent = form_of(page(client, f"{BULK}?action=star"))
    del sent[lost]
    answer = client.post(BULK, sent)
    assert answer.status_code == 422
    assert "Nothing was done" in answer.content.decode()
    assert not Article.objects.exclude(starred_at=None).exists()


@pytest.mark.parametrize("query", ["action=burn", "action=read&show=x", "action=read&quack=1", "action=read&q=%00", ""])
def test_a_question_about_nonsense_is_answered_so(client_of: ClientOf, owner: User, topic: Topic, query: str) -> None:
    assert "Nothing was done" in page(client_of(owner), f"{BULK}?{query}", 422).text


def test_one_go_takes_a_bounded_number(
    client_of: ClientOf, owner: User, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "MOST", 3)
    for _ in range(5):
        make_article(topic)
    client = client_of(owner)
    question = page(client, f"{BULK}?action=read&show=added")
    assert "3 of more" in question.one("dl").text
    client.post(BULK, form_of(question))
    assert topic.articles.unread().count() == 2


def test_nobody_else_changes_an_article(client_of: ClientOf, stranger: User, staff: User, topic: Topic) -> None:
    article = make_article(topic)
    staff.user_permissions.remove(Permission.objects.get(codename="change_topic"))
    for user, status in ((stranger, 404), (User.objects.get(pk=staff.pk), 403)):
        client = client_of(user)
        for action in Action:
            assert client.post(reverse(f"article-{action}", args=[article.pk])).status_code == status, action
        client.post(BULK, {"action": "reject", "ids": [article.pk]})
        assert "No article that matches" in page(client, f"{BULK}?action=reject").text
    article.refresh_from_db()
    assert (article.decision, article.read_at, article.starred_at) == ("approved", None, None)
    assert not page(client, topic.get_absolute_url()).all("button", data_row_action="read"), "may look, has no buttons"


def test_the_page_of_an_article_shows_its_text_its_reasons_and_its_history(
    client_of: ClientOf, owner: User, stranger: User, topic: Topic
) -> None:
    article = make_article(
        topic, "rejected_quality", title="Heat <pumps>", text="First.\n\n<script>alert(1)</script>\nThird.",
        relevance=0.8, quality=0.2, reasons={"quality": {"reason": "27 words", "prose": 0.1}},
    )  # fmt: skip
    copy = make_article(topic, "duplicate", title="The same", duplicate_of=article)
    client, path = client_of(owner), f"/keyword-alerts/articles/{article.pk}/"
    mark(client, article, "add")
    document = page(client, path)
    assert document.one("h1").text == "Heat <pumps>"
    body = document.one("section", id="article-body")
    assert [line.text for line in body.all("p", class_="article-text")] == [
        "First.", "<script>alert(1)</script>", "Third."
    ]  # fmt: skip
    history = [line.text for line in document.one("ol", class_="timeline").all("li")]
    assert [("Added by owner" in history[0]), ("27 words" in history[1]), ("Found" in history[2])] == [True] * 3
    assert "prose" in document.text, "every reason is there"
    assert document.one("a", href=f"/keyword-alerts/articles/{copy.pk}/").text == "The same"
    original = document.one("a", data_article_open="")
    assert (original.attrs["rel"], original.attrs["referrerpolicy"], original.attrs["href"]) == (
        "noopener noreferrer nofollow external", "no-referrer", article.url
    )  # fmt: skip
    article.refresh_from_db()
    assert article.read_at is None, "looking at it changed nothing"
    assert client_of(stranger).get(path).status_code == 404


def test_a_very_long_article_makes_no_very_long_page(client_of: ClientOf, owner: User, topic: Topic) -> None:
    article = make_article(topic, text="word " * 100_000)
    for _ in range(3):
        Article.objects.update(decided_at=timezone.now())
    client, path = client_of(owner), f"/keyword-alerts/articles/{article.pk}/"
    assert len(client.get(path).content) < 100_000
    assert "100,000 words" in page(client, path).text
    assert queries_to_render(client, path) < 15
