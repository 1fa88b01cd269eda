"""The pages under /keyword-alerts/."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingest.jobs import start_collecting
from ingest.models import Article, Topic
from tasks.models import TaskRun
from tests.pages.reading import read

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db
LIST = "/keyword-alerts/"


def add_articles(topic: Topic, decision: str, count: int = 1, **values: object) -> list[Article]:
    start = Article.objects.count()
    return [
        Article.objects.create(
            topic=topic,
            url=f"https://news.example/{number}",
            canonical_url=f"https://news.example/{number}",
            title=f"{decision} {number}",
            decision=decision,
            decided_at=None if decision == "pending" else timezone.now(),
            failure="timeout" if decision == "failed" else "",
            relevance=0.8,
            quality=0.9,
            reasons={"relevance": {"reason": "3 × heat pump"}, "quality": {"reason": "420 words"}},
            **values,
        )
        for number in range(start, start + count)
    ]


def test_the_list_shows_each_topic_with_its_numbers(client_of: ClientOf, owner: User, topic: Topic) -> None:
    add_articles(topic, "approved", 3)
    add_articles(topic, "duplicate")
    page = client_of(owner).get(LIST).content.decode()
    assert "Energy" in page
    assert "heat pump" in page
    assert "<strong>3</strong> unread" in page
    assert "<strong>4</strong> found" in page


def test_an_empty_list_says_what_to_do_first(client_of: ClientOf, owner: User) -> None:
    page = client_of(owner).get(LIST).content.decode()
    assert "No topics yet" in page
    assert "/keyword-alerts/new/" in page


def test_visitors_sign_in_first(topic: Topic) -> None:
    for path in (LIST, topic.get_absolute_url(), "/keyword-alerts/new/"):
        assert Client().get(path).status_code == 302


def routes(topic: Topic, article: Article) -> list[tuple[str, str]]:
    base = topic.get_absolute_url()
    source = topic.sources.create(url="https://news.example/feed")
    return [
        ("get", base), ("get", f"{base}edit/"), ("post", f"{base}edit/"), ("get", f"{base}delete/"),
        ("post", f"{base}delete/"), ("post", f"{base}collect/"), ("post", f"{base}read-all/"),
        ("post", f"{base}rules/"), ("post", f"{base}rules/preview/"), ("post", f"{base}recheck/"),
        ("post", f"{base}sources/"),
        ("post", f"{base}sources/{source.pk}/delete/"), ("post", f"/keyword-alerts/articles/{article.pk}/read/"),
        ("post", f"/keyword-alerts/articles/{article.pk}/unread/"),
    ]  # fmt: skip


def test_a_strangers_topic_does_not_exist(client_of: ClientOf, stranger: User, topic: Topic, article: Article) -> None:
    client = client_of(stranger)
    assert "Energy" not in client.get(LIST).content.decode()
    for method, path in routes(topic, article):
        assert getattr(client, method)(path).status_code == 404, path
    topic.refresh_from_db()
    assert topic.keywords.count() == 6
    assert not TaskRun.objects.exists()


def test_staff_see_every_topic_and_change_it_only_with_permission(
    client_of: ClientOf, staff: User, topic: Topic, article: Article
) -> None:
    page = client_of(staff).get(LIST).content.decode()
    assert "Energy" in page and "owner" in page
    assert ">Settings</a>" in client_of(staff).get(topic.get_absolute_url()).content.decode()
    staff.user_permissions.remove(Permission.objects.get(codename="change_topic"))
    client = client_of(User.objects.get(pk=staff.pk))
    assert ">Settings</a>" not in client.get(topic.get_absolute_url()).content.decode()
    assert "Save rules" not in client.get(f"{topic.get_absolute_url()}rules/").content.decode()
    for method, path in routes(topic, article)[1:]:
        assert getattr(client, method)(path).status_code == 403, path


def test_writing_needs_post(client_of: ClientOf, owner: User, topic: Topic, article: Article) -> None:
    client = client_of(owner)
    for method, path in routes(topic, article):
        if method == "post" and not path.endswith(("/edit/", "/sources/", "/rules/", f"{topic.pk}/delete/")):
            assert client.get(path).status_code == 405, path


def test_each_article_shows_its_badges_scores_and_reasons(client_of: ClientOf, owner: User, topic: Topic) -> None:
    add_articles(topic, "approved")
    add_articles(topic, "filtered_relevance")
    add_articles(topic, "rejected_quality")
    add_articles(topic, "duplicate")
    add_articles(topic, "failed")
    page = client_of(owner).get(topic.get_absolute_url()).content.decode()
    for word in ("New", "Added", "Below threshold", "Rejected", "Duplicate", "Failed"):
        assert f"<span>{word}</span>" in page
    assert "3 × heat pump" in page
    assert "420 words" in page
    assert "the server took too long" in page
    assert 'rel="noopener noreferrer nofollow external"' in page


def test_an_article_says_who_scored_it_when_that_was_an_endpoint_and_why_not_when_it_failed(
    client_of: ClientOf, owner: User, topic: Topic
) -> None:
    add_articles(topic, "approved", analyzer="openai:test-model")
    [alone] = add_articles(topic, "approved", analyzer="local")
    client = client_of(owner)
    page = client.get(topic.get_absolute_url()).content.decode()
    assert page.count("Scored by openai:test-model.") == 1
    alone.reasons["engine_note"] = "openai:test-model was not heard: <no> answer within 20 s."
    alone.save(update_fields=["reasons"])
    page = client.get(topic.get_absolute_url()).content.decode()
    assert "openai:test-model was not heard: &lt;no&gt; answer within 20 s." in page


def test_the_cost_of_a_page_does_not_grow(client_of: ClientOf, owner: User, topic: Topic) -> None:
    client = client_of(owner)

    def cost(path: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    add_articles(topic, "approved", 2)
    one, listed = cost(topic.get_absolute_url()), cost(LIST)
    add_articles(topic, "approved", 15)
    for number in range(10):
        Topic.objects.create(owner=owner, name=f"T{number}").keywords.create(phrase="x")
        topic.sources.create(url=f"https://news.example/{number}")
    assert cost(topic.get_absolute_url()) == one <= 15
    assert cost(LIST) == listed <= 15


def test_marking_read_and_unread(client_of: ClientOf, owner: User, topic: Topic) -> None:
    (article,) = add_articles(topic, "approved")
    client = client_of(owner)
    back = f"{topic.get_absolute_url()}?show=new"
    response = client.post(f"/keyword-alerts/articles/{article.pk}/read/", {"next": back})
    assert response.headers["Location"] == back
    article.refresh_from_db()
    assert article.read_at is not None
    client.post(f"/keyword-alerts/articles/{article.pk}/unread/")
    article.refresh_from_db()
    assert article.read_at is None


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_way_back_never_leaves_the_site(client_of: ClientOf, owner: User, topic: Topic, target: str) -> None:
    response = client_of(owner).post(f"{topic.get_absolute_url()}read-all/", {"next": target})
    assert response.headers["Location"] == topic.get_absolute_url()


def test_marking_all_read_leaves_what_has_come_since(client_of: ClientOf, owner: User, topic: Topic) -> None:
    add_articles(topic, "approved", 2)
    (waiting,) = add_articles(topic, "pending")
    client = client_of(owner)
    button = read(client.get(topic.get_absolute_url()).content).one("button", id="read-all")
    # Found before the page was made, but added after it.
    Article.objects.filter(pk=waiting.pk).update(decision="approved", decided_at=timezone.now())
    client.post(button.attrs["formaction"], {"made_at": button.attrs["value"]})
    assert list(topic.articles.unread()) == [waiting]


@pytest.mark.parametrize("made_at", ["", "x", "2026-01-01", "2026-01-01T10:00:00", "9" * 30])
def test_marking_all_read_without_saying_when_marks_nothing(
    client_of: ClientOf, owner: User, topic: Topic, made_at: str
) -> None:
    add_articles(topic, "approved", 2)
    response = client_of(owner).post(f"{topic.get_absolute_url()}read-all/", {"made_at": made_at}, follow=True)
    assert "Nothing was marked" in response.content.decode()
    assert topic.articles.unread().count() == 2


def test_a_topic_is_made_with_its_keywords(client_of: ClientOf, owner: User) -> None:
    response = client_of(owner).post(
        "/keyword-alerts/new/",
        {
            "name": "Rail", "language": "EN", "relevance_threshold": "0.3", "quality_threshold": "0.5",
            "first_keywords": "night  train\n- sponsored \n\n-",
        },
    )  # fmt: skip
    topic = Topic.objects.get()
    assert response.headers["Location"] == topic.get_absolute_url()
    assert (topic.owner, topic.language, topic.relevance_threshold) == (owner, "en", 0.3)
    assert set(topic.keywords.values_list("phrase", "kind")) == {("night train", "include"), ("sponsored", "exclude")}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "Energy"},
        {"language": "english"},
        {"relevance_threshold": "2"},
        {"quality_threshold": "x"},
    ],
)
def test_a_topic_that_makes_no_sense_is_not_made(
    client_of: ClientOf, owner: User, topic: Topic, wrong: dict[str, str]
) -> None:
    good = {"name": "Rail", "language": "", "relevance_threshold": "0.4", "quality_threshold": "0.5"}
    response = client_of(owner).post("/keyword-alerts/new/", good | wrong)
    assert response.status_code == 422
    assert "field-error" in response.content.decode()
    assert Topic.objects.count() == 1


def test_settings_are_changed_and_a_topic_deleted(client_of: ClientOf, owner: User, topic: Topic) -> None:
    client = client_of(owner)
    changed = {"name": "Power", "language": "", "relevance_threshold": "0.1", "quality_threshold": "0.2"}
    assert client.post(f"{topic.get_absolute_url()}edit/", changed).status_code == 302
    topic.refresh_from_db()
    assert (topic.name, topic.quality_threshold, topic.collect_every, topic.tell) == ("Power", 0.2, None, "added")
    assert "every 2 hours" in client.get(f"{topic.get_absolute_url()}edit/").content.decode()
    client.post(f"{topic.get_absolute_url()}edit/", changed | {"collect_every": "120", "tell": "never"})
    topic.refresh_from_db()
    assert (topic.collect_every, topic.tell) == (120, "never")
    wrong = client.post(f"{topic.get_absolute_url()}edit/", changed | {"collect_every": "7", "tell": "all"})
    assert wrong.status_code == 422
    assert wrong.content.decode().count('class="field-error"') == 2
    assert "cannot be undone" in client.get(f"{topic.get_absolute_url()}delete/").content.decode()
    assert client.post(f"{topic.get_absolute_url()}delete/").status_code == 302
    assert not Topic.objects.exists()


def test_deleting_a_topic_stops_its_collection(
    engine_tables: None, client_of: ClientOf, owner: User, topic: Topic
) -> None:
    client = client_of(owner)
    client.post(f"{topic.get_absolute_url()}collect/")
    client.post(f"{topic.get_absolute_url()}delete/")
    assert TaskRun.objects.get().status == "cancelled"


def test_run_auto_collect_shows_its_bar_at_once_and_only_once(
    engine_tables: None, client_of: ClientOf, owner: User, topic: Topic
) -> None:
    topic.sources.create(url="https://news.example/feed")
    client, base = client_of(owner), topic.get_absolute_url()
    assert f'action="{base}collect/"' in client.get(base).content.decode()
    response = client.post(f"{base}collect/", {"next": LIST}, follow=True)
    run = TaskRun.objects.get()
    for page in (response.content.decode(), client.get(base).content.decode()):
        assert f'id="run-{run.pk}-progress"' in page
        assert f'id="run-{run.pk}-name"' in page
        assert f'action="{base}collect/"' not in page
    again = client.post(f"{base}collect/", follow=True)
    assert "being collected already" in again.content.decode()
    assert TaskRun.objects.count() == 1


def test_the_numbers_are_fetched_alone_while_a_topic_is_collected(
    engine_tables: None, client_of: ClientOf, owner: User, topic: Topic
) -> None:
    client = client_of(owner)
    address = f"/keyword-alerts/{topic.pk}/numbers/"
    assert "data-part" not in client.get(topic.get_absolute_url()).content.decode()
    start_collecting(owner, topic)
    for path in (topic.get_absolute_url(), "/keyword-alerts/", address):
        assert f'data-part="{address}"' in client.get(path).content.decode(), path
    add_articles(topic, "approved", 3)
    assert "<strong>3</strong> added" in client.get(address).content.decode()


def test_nothing_of_a_page_is_rendered_as_markup(client_of: ClientOf, owner: User, topic: Topic) -> None:
    (article,) = add_articles(topic, "approved", author="<b>me</b>", summary="<img src=x onerror=alert(1)>")
    Article.objects.filter(pk=article.pk).update(title="<script>alert(1)</script>")
    page = client_of(owner).get(topic.get_absolute_url()).content.decode()
    for markup in ("<script>alert", "<img src=x", "<b>me"):
        assert markup not in page


def test_the_admin_lists_what_runs_have_made(admin_client: Client, topic: Topic, article: Article) -> None:
    for path in ("topic", "source", "article", f"topic/{topic.pk}/change", f"article/{article.pk}/change"):
        assert admin_client.get(f"/admin/ingest/{path}/").status_code == 200


def test_the_list_is_fetched_alone_while_its_topic_is_collected(
    engine_tables: None, client_of: ClientOf, owner: User, topic: Topic
) -> None:
    client, base = client_of(owner), topic.get_absolute_url()
    assert "data-part" not in client.get(base).content.decode()
    start_collecting(owner, topic)
    address = f"{base}?show=added&part=articles"
    section = read(client.get(f"{base}?show=added").content).one("section", id="articles")
    assert section.attrs["data-part"] == address
    add_articles(topic, "approved", 2)
    alone = read(client.get(address).content)
    assert [element.attrs["id"] for element in alone.children] == ["articles"]
    assert len(alone.all("article", data_article="")) == 2
    assert alone.one("a", id="tab-added").text == "Added 2"
