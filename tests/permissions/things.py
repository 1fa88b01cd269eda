"""One of everything that an address can name, all of it the owner's, and what requests have to say to be dealt with."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import models
from django.utils import timezone

from accounts import tokens
from accounts.models import UserSession
from accounts.scopes import Scope
from ingest.models import Alert, AlertRule, Article, CollectPreferences, Topic
from notifications import facade
from notifications.models import NotificationDelivery, NotificationPreferences, NotificationReceipt
from tasks.models import Schedule, TaskRun
from tests.live.sockets import session_of
from tests.tasks.runs import ADD, make_run_in

ROOMS = ("tasks", "notifications", "ingest", "accounts")


def make_things(owner: User) -> dict[str, object]:
    """By the name of the parameter that stands for it."""
    run: TaskRun = make_run_in("running", owner)
    now = timezone.now()
    schedule = Schedule.objects.create(name="Daily", task=ADD, owner=owner, cron="0 6 * * *", next_run_at=now)
    notice = facade.create_notification(username="owner", type="x", title="t", message="m")
    topic = Topic.objects.create(owner=owner, name="Energy")
    topic.keywords.create(phrase="heat pump")
    source = topic.sources.create(url="https://news.example/feed")
    article = Article.objects.create(topic=topic, url="https://news.example/1", canonical_url="https://news.example/1")
    rule = AlertRule.objects.create(topic=topic)
    # What the admin lists besides.
    Group.objects.create(name="Editors")
    Alert.objects.create(article=article, topic=topic)
    CollectPreferences.objects.create(owner=owner)
    NotificationPreferences.objects.create(user=owner)
    broadcast = facade.create_notification(username=None, type="news", title="t", message="m")
    NotificationReceipt.objects.create(notification=broadcast, user=owner, read_at=now)
    NotificationDelivery.objects.create(notification=notice, user=owner, channel="email", title="t", due_at=now)
    token, _ = tokens.create(owner, name="Phone", scopes=[Scope.READ], expires_at=None)
    # Sessions of the cast are signed in before; this one is on another device.
    session = UserSession.objects.get(session_id=session_of(owner))
    return {
        "session_id": session.pk,
        "token_id": token.pk,
        "run_id": run.pk,
        "task_id": run.pk,
        "job_id": run.pk,
        "schedule_id": schedule.pk,
        "pk": notice.pk,
        "notification_id": notice.pk,
        "topic_id": topic.pk,
        "rule_id": rule.pk,
        "source_id": source.pk,
        "article_id": article.pk,
        "name": "default",
        "action": "retry",
    }


def in_admin(route: str, owner: User) -> dict[str, object]:
    """The same for addresses of the admin, where one name stands for things of every kind.

    IndexError: `make_things` makes none of that kind.
    """
    kinds = {f"/{model._meta.app_label}/{model._meta.model_name}/": model for model in admin.site._registry}
    [model] = [model for part, model in kinds.items() if part in route] or [User]
    pk = owner.pk if model is User else model._default_manager.order_by("pk").values_list("pk", flat=True)[0]
    return {"object_id": pk, "id": pk, "content_type_id": 1, "app_label": "tasks", "url": "nothing/"}


def bodies(things: Mapping[str, object]) -> dict[tuple[str, str], Any]:
    """What a request says that would go through. Without it some are refused before anybody asks who sent them."""
    topic, run, article = things["topic_id"], things["run_id"], things["article_id"]
    api, collect = "/api/background-tasks", "/api/auto-ingest"
    plan = {"name": "Nightly", "task": ADD, "cron": "0 6 * * *"}
    return {
        ("POST", f"{api}/bulk/{{action}}"): {},
        ("POST", f"{api}/schedules"): plan,
        ("PATCH", f"{api}/schedules/{{schedule_id}}"): {"name": "Weekly"},
        ("POST", f"{api}/bulk-analysis"): {"urls": ["https://news.example/1"], "topic": "Energy"},
        ("POST", f"{collect}/run"): {"topic_id": topic},
        ("PATCH", f"{collect}/config"): {"topic_id": topic, "name": "Heat"},
        ("POST", f"{collect}/topics"): {"name": "Wind", "include": ["turbine"]},
        ("POST", f"{collect}/sources"): {"topic_id": topic, "url": "https://news.example/other"},
        ("POST", f"{collect}/sources/import"): {"topic_id": topic, "text": "https://news.example/third"},
        ("POST", f"{collect}/sources/discover"): {"url": "http://127.0.0.1/"},
        ("PATCH", f"{collect}/sources/{{source_id}}"): {"title": "News"},
        ("POST", f"{collect}/preview"): {"topic_id": topic, "include": ["turbine"]},
        ("POST", f"{collect}/recheck"): {"topic_id": topic},
        ("POST", f"{collect}/articles/bulk"): {"action": "star", "ids": [article]},
        ("PATCH", f"{collect}/articles/{{article_id}}"): {"starred": True},
        ("POST", f"{collect}/alert-rules"): {"topic_id": topic},
        ("PATCH", f"{collect}/preferences"): {"digest": True},
        ("POST", "/api/notifications"): {"everyone": True, "title": "t", "message": "m"},
        ("POST", "/api/notifications/"): {"everyone": True, "title": "t", "message": "m"},
        ("PATCH", "/api/notifications/preferences"): {"daily_at": 7},
        ("POST", "/tasks/bulk/{action}/"): {"ids": str(run)},
        ("POST", "/keyword-alerts/articles/bulk/"): {"action": "star", "ids": str(article)},
    }


class Rows:
    """Every row of our rooms that is not `user`'s as it stands, to be compared with what became of it."""

    def __init__(self, user: User) -> None:
        self._models = [model for room in ROOMS for model in apps.get_app_config(room).get_models()]
        self._before = {
            model: {row["pk"]: row for row in _rows(model) if row.get("user_id") != user.pk} for model in self._models
        }

    def changes(self) -> list[str]:
        """What was changed, is gone, or was added to something that was there."""
        found = []
        for model in self._models:
            now = {row["pk"]: row for row in _rows(model)}
            before = self._before[model]
            found += [f"{model._meta.label} {pk}" for pk, row in before.items() if now.get(pk) != row]
            parents = {
                field.attname: self._before[field.related_model]
                for field in model._meta.fields
                if field.related_model in self._before
            }
            # That somebody has read a broadcast is a row of theirs.
            for pk in now.keys() - before.keys() if model is not NotificationReceipt else ():
                added_to = [name for name, there in parents.items() if now[pk][name] in there]
                found += [f"{model._meta.label} {pk} added by {name}" for name in added_to]
        return found


def _rows(model: type[models.Model]) -> Iterable[dict[str, Any]]:
    return model._default_manager.values("pk", *(f.attname for f in model._meta.fields))
