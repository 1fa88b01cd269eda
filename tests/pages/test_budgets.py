"""What every page may cost: queries, and bytes over the wire for somebody who comes for the first time."""

import re
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from ingest.models import Article, Topic
from notifications import facade
from tasks import queues, schedules, workers
from tasks.models import TaskEvent, TaskItem, TaskRun, WorkerState
from tasks.schedules import Plan
from tasks.states import Status
from tests.pages.reading import queries_to_render
from tests.permissions.document import pages_of_staff
from tests.permissions.routes import every_route
from tests.tasks.runs import ADD, make_run, make_run_in

MOST_QUERIES = 14
MOST_BYTES = 100_000
FILES = re.compile(rb'(?:href|src)="(/static/[^"]+)"')

type ClientOf = Callable[[User], Client]


def fill(owner: User, staff: User) -> dict[str, object]:
    """Much of everything, with all that makes a page ask more: what waits behind limits, what is paused, who works.

    Returns what the addresses of pages are about.
    """
    runs = {status: [make_run_in(status, owner, name=f"{status} {n}") for n in range(25)] for status in Status}
    for number in range(5):
        make_run(owner, queue="mail", concurrency_key="one", concurrency_limit=1, name=f"Behind {number}")
    queues.pause("mail", by=staff)
    workers.register(WorkerState(name="web-1:1:1"))
    run = runs[Status.FAILED][0]
    TaskRun.objects.filter(pk=run.pk).update(retry_of=runs[Status.FAILED][1].pk, result={"saved": [1, 2]})
    TaskEvent.objects.bulk_create(
        TaskEvent(run=run, seq=seq, kind="log", data={"level": "info", "message": f"Read line {seq} of orders.csv"})
        for seq in range(10, 300)
    )
    TaskItem.objects.bulk_create(TaskItem(run=run, key=f"item {n}", outcome="failed") for n in range(100))
    plans = [
        Plan(name=f"Plan {n}", task=ADD, kwargs={"a": 1, "b": n}, owner_id=owner.pk, cron="0 6 * * *")
        for n in range(10)
    ]
    made = [schedules.create(plan) for plan in plans]
    for schedule in made:
        schedules.run_now(schedule, by=owner)
    topic = Topic.objects.create(owner=owner, name="Energy")
    topic.keywords.create(phrase="heat pump")
    articles = Article.objects.bulk_create(
        Article(
            topic=topic,
            url=f"https://news.example/{n}",
            canonical_url=f"https://news.example/{n}",
            title=f"A {n}",
            text="Some words. " * 200,
        )
        for n in range(60)
    )
    sources = [topic.sources.create(url=f"https://news.example/feed/{n}") for n in range(30)]
    for number in range(30):
        notice = facade.create_notification(username=staff.username, type="x", title=f"Title {number}", message="Words")
    return {
        "run_id": run.pk,
        "schedule_id": made[0].pk,
        "pk": notice.pk,
        "topic_id": topic.pk,
        "article_id": articles[0].pk,
        "rule_id": topic.alert_rules.create().pk,
        "source_id": sources[0].pk,
        "name": "mail",
        "action": "retry",
    }


def bytes_of(client: Client, path: str, seen: dict[str, int]) -> int:
    """The page and every file it names, as they go over the wire to a browser that has none of them yet."""
    answer = client.get(path, headers={"accept-encoding": "gzip"})
    plain = client.get(path).content
    for name in {name.decode() for name in FILES.findall(plain)}:
        if name not in seen:
            file: Any = client.get(name, headers={"accept-encoding": "gzip"})
            assert file.status_code == 200, name
            seen[name] = len(b"".join(file.streaming_content) if file.streaming else file.content)
    return len(answer.content) + sum(seen[name.decode()] for name in set(FILES.findall(plain)))


def test_every_page_keeps_to_its_queries_and_bytes(
    owner: User, staff: User, client_of: ClientOf, settings: Settings
) -> None:
    settings.TASKS_SCHEDULABLE = {ADD: ""}
    things = fill(owner, staff)
    client, files = client_of(staff), dict[str, int]()
    asked_for = {route.shown: route for route in every_route() if route.name not in {"tasks:cancel", "article-bulk"}}
    paths = [asked_for[page].path(things) for page in pages_of_staff() if page in asked_for]
    paths.append(reverse("tasks:cancel", args=[TaskRun.objects.filter(status=Status.RUNNING)[0].pk]))
    paths.append(TaskRun.objects.filter(queue="mail")[0].get_absolute_url())  # it waits, for two reasons
    costs = {path: (queries_to_render(client, path), bytes_of(client, path, files)) for path in paths}
    over = {path: cost for path, cost in costs.items() if cost[0] > MOST_QUERIES or cost[1] > MOST_BYTES}
    assert over == {}
    assert len(files) > 8, "the walk has met styles and scripts"
