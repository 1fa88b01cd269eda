"""Every list, form and action of our own admins: the same cost for many rows, and nothing without the permission."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ingest.models import Alert, AlertRule, Article, CollectPreferences, Source, Topic
from notifications.large_tables import BoundedPaginator, LargeTableAdmin
from notifications.models import Notification, NotificationDelivery, NotificationPreferences, NotificationReceipt
from tasks.models import Schedule, TaskRun
from tests.ingest.articles import make_article
from tests.tasks.runs import make_run

pytestmark = pytest.mark.usefixtures("db")

type ClientOf = Callable[[User], Client]

OURS = {
    Alert, AlertRule, Article, CollectPreferences, Source, Topic,
    Notification, NotificationDelivery, NotificationPreferences, NotificationReceipt, Schedule, TaskRun,
}  # fmt: skip
FEW, MANY = 3, 40
MOST_QUERIES = 15


def fill(number: int, name: str) -> None:
    """So many rows more of each kind, each with an owner of its own."""
    now = timezone.now()
    for n in range(number):
        user = User.objects.create(username=f"{name}{n}")
        CollectPreferences.objects.create(owner=user)
        NotificationPreferences.objects.create(user=user)
        topic = Topic.objects.create(owner=user, name=f"{name}{n}")
        topic.keywords.create(phrase="heat pump")
        AlertRule.objects.create(topic=topic)
        source = Source.objects.create(topic=topic, url=f"https://{name}{n}.example/feed")
        article = make_article(topic, source=source, title=f"heat pump {name}{n}")
        make_article(topic, "duplicate", duplicate_of=article)
        make_article(topic, "failed", source=source)
        Alert.objects.create(article=article, topic=topic)
        make_run(user, name=f"{name}{n}")
        Schedule.objects.create(
            name=f"{name}{n}", task="ingest.jobs.collect", owner=user, cron="0 6 * * *", next_run_at=now
        )
        broadcast = Notification.objects.create(type="news", title=f"{name}{n}", message="M")
        own = Notification.objects.create(type="task_completed", user=user, title=f"{name}{n}", message="M")
        NotificationReceipt.objects.create(notification=broadcast, user=user, read_at=now)
        NotificationDelivery.objects.create(notification=own, user=user, channel="email", title="T", due_at=now)


def walked(client: Client) -> dict[str, int]:
    """What each list, form and search costs, in queries, by address without numbers."""
    costs = {}

    def look(name: str, address: str, expected: int = 200) -> None:
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
        assert answer.status_code == expected, address
        costs[name] = len(queries)

    for model in sorted(OURS, key=lambda one: one._meta.label):
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        page = admin.site._registry[model]
        listed, add = reverse(f"admin:{label}_changelist"), reverse(f"admin:{label}_add")
        look(label, listed)
        look(f"{label} search", f"{listed}?q=heat")
        look(f"{label} second page", f"{listed}?p=2")
        may_add = page.has_add_permission(_request_of(client))
        look(f"{label} add", add, 200 if may_add else 403)
        look(f"{label} change", reverse(f"admin:{label}_change", args=[model._default_manager.first().pk]))
    return costs


def _request_of(client: Client) -> Any:
    return client.get(reverse("admin:index")).wsgi_request


def test_our_admins_are_these_and_all_are_made_for_large_tables() -> None:
    ours = {model for model in admin.site._registry if model._meta.app_label in {"tasks", "notifications", "ingest"}}
    assert ours == OURS
    for model in OURS - {Schedule}:
        page = admin.site._registry[model]
        assert isinstance(page, LargeTableAdmin), model
        assert issubclass(page.paginator, BoundedPaginator)
        assert not page.show_full_result_count
        if page.date_hierarchy:
            indexes = [index.fields for index in model._meta.indexes]
            assert [page.date_hierarchy] in indexes, f"{model}: a hierarchy of dates over no index"


def test_every_list_form_and_search_costs_the_same_for_many_rows(client_of: ClientOf, staff: User) -> None:
    client = client_of(staff)
    fill(FEW, "few")
    walked(client)  # what is looked up once and kept
    cost_of_few = walked(client)
    fill(MANY, "many")
    cost_of_many = walked(client)
    assert cost_of_many == cost_of_few
    assert max(cost_of_many.values()) <= MOST_QUERIES, cost_of_many


@pytest.fixture
def viewer(db: None) -> User:
    """Staff who may look at everything of ours, and do nothing."""
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label__in=["tasks", "notifications", "ingest"], codename__startswith="view_"
        )
    )
    return user


def test_no_action_is_offered_or_done_without_the_permission(client_of: ClientOf, staff: User, viewer: User) -> None:
    fill(1, "one")
    of_staff, of_viewer = client_of(staff), client_of(viewer)
    offered = set()
    for model in OURS:
        page = admin.site._registry[model]
        listed = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert page.get_actions(_request_of(of_viewer)) == {}, model
        before = list(model._default_manager.order_by("pk").values())
        runs = TaskRun.objects.count()
        for action in page.get_actions(_request_of(of_staff)):
            offered.add(action)
            keys = [str(row["pk" if "pk" in row else model._meta.pk.attname]) for row in before]
            of_viewer.post(listed, {"action": action, "_selected_action": keys, "post": "yes"})
        assert list(model._default_manager.order_by("pk").values()) == before, model
        assert TaskRun.objects.count() == runs, model
    assert offered >= {
        "delete_selected", "cancel_runs", "retry_runs", "enable_schedules", "disable_schedules", "collect", "recheck",
        "pause", "resume", "read_now", "add_anyway", "reject", "fetch_again",
    }  # fmt: skip


def act(client: Client, model: type[Any], action: str, *rows: Any) -> None:
    listed = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    answer = client.post(listed, {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True)
    assert answer.status_code == 200


@pytest.mark.django_db(transaction=True)
def test_staff_collect_and_recheck_topics_pause_sources_and_decide_about_articles(
    client_of: ClientOf, staff: User, engine_tables: None
) -> None:
    fill(2, "one")
    client = client_of(staff)
    topics, sources = list(Topic.objects.order_by("pk")), list(Source.objects.order_by("pk"))
    TaskRun.objects.all().delete()
    act(client, Topic, "collect", *topics)
    act(client, Topic, "recheck", topics[0])
    started = TaskRun.objects.values_list("task", "owner")
    assert sorted(started) == sorted(
        [("ingest.jobs.collect", topic.owner_id) for topic in topics] + [("ingest.jobs.recheck", topics[0].owner_id)]
    )
    act(client, Topic, "collect", topics[0])
    assert TaskRun.objects.count() == 3, "it is being collected already"
    act(client, Source, "pause", *sources)
    assert not Source.objects.filter(is_paused=False).exists()
    act(client, Source, "resume", sources[0])
    assert list(Source.objects.filter(is_paused=False)) == [sources[0]]
    added, failed = Article.objects.filter(decision="approved").first(), Article.objects.filter(decision="failed")[0]
    assert added is not None
    act(client, Article, "reject", added)
    act(client, Article, "fetch_again", failed)
    added.refresh_from_db()
    failed.refresh_from_db()
    assert (added.decision, added.reasons["person"]["by"]) == ("rejected_quality", "staff")
    assert failed.decision == "pending"


def test_articles_are_found_by_their_words_and_by_their_address(client_of: ClientOf, staff: User) -> None:
    fill(2, "one")
    client, listed = client_of(staff), reverse("admin:ingest_article_changelist")
    wanted = Article.objects.get(title="heat pump one1")
    for term in ("one1 pump", wanted.url):
        page = client.get(listed, {"q": term}).content.decode()
        assert "heat pump one1" in page
        assert "heat pump one0" not in page


def test_a_source_in_the_admin_is_held_to_the_rules_of_its_page(client_of: ClientOf, staff: User) -> None:
    fill(2, "one")
    client, source = client_of(staff), Source.objects.order_by("pk")[0]
    Source.objects.filter(pk=source.pk).update(etag="old", failures=3)
    add, change = reverse("admin:ingest_source_add"), reverse("admin:ingest_source_change", args=[source.pk])
    wrong = {"topic": source.topic_id, "url": source.url}
    assert "reads that feed already" in client.post(add, wrong).content.decode()
    assert client.post(add, wrong | {"url": "https://new.example/feed"}).status_code == 302
    assert client.post(change, {"url": "https://moved.example/feed", "title": "Moved"}).status_code == 302
    source.refresh_from_db()
    assert (source.url, source.title, source.etag, source.failures) == ("https://moved.example/feed", "Moved", "", 0)


def test_what_signs_somebody_s_webhooks_is_not_shown(client_of: ClientOf, staff: User, owner: User) -> None:
    NotificationPreferences.objects.create(
        user=owner, webhook_url="https://me:hunter2@hooks.example/", webhook_secret="whsec_hunter2"
    )
    page = client_of(staff).get(reverse("admin:notifications_notificationpreferences_change", args=[owner.pk]))
    assert page.status_code == 200
    assert "hunter2" not in page.content.decode()
