"""The list costs the same however many runs there are: each of its questions has an index that answers it in order."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tasks.models import TaskRun
from tasks.pages import page_of_runs
from tasks.states import Status
from tests.tasks.runs import ADD

AT = datetime(2026, 1, 1, tzinfo=UTC)


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of a plan, from the top."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes_of(below)


def steps_of_page(viewer: User, **asked: str) -> list[dict[str, Any]]:
    """How Postgres finds the page when looking at everything, and sorting it, are not to be had."""
    with CaptureQueriesContext(connection) as captured:
        page_of_runs(viewer, asked)
    sql = next(query["sql"] for query in captured.captured_queries if 'FROM "background_tasks"' in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
        cursor.cursor.execute("EXPLAIN (FORMAT JSON) " + sql)
        plan = cursor.fetchone()[0]
    return list(nodes_of((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))


def make_many(owner: User | None, number: int, statuses: Sequence[Status], topic: str = "") -> None:
    """So many runs in each of some final states, all made at the same moment."""
    TaskRun.objects.bulk_create(
        TaskRun(
            task=ADD,
            name="Add",
            owner=owner,
            status=status,
            topic=topic,
            created_at=AT,
            completed_at=AT,
            progress=100 if status == Status.COMPLETED else 0,
        )
        for _ in range(number)
        for status in statuses
    )


def test_what_is_rare_is_looked_up_and_not_looked_for(owner: User, stranger: User, staff: User) -> None:
    make_many(stranger, 2000, [Status.COMPLETED])
    make_many(owner, 30, [Status.COMPLETED, Status.FAILED, Status.CANCELLED], topic="t")
    make_many(None, 30, [Status.FAILED, Status.CANCELLED])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE background_tasks")
    for viewer, asked, looked_up in (
        (owner, {}, ["owner_id"]),
        (owner, {"status": "completed"}, ["owner_id", "status"]),
        (owner, {"status": "failed"}, ["owner_id", "status"]),
        (owner, {"status": "cancelled"}, ["owner_id", "status"]),
        (staff, {}, []),
        (staff, {"status": "failed"}, ["status"]),
        (staff, {"status": "cancelled"}, ["status"]),
        (staff, {"topic": "t"}, ["topic"]),
    ):
        after = page_of_runs(viewer, asked).next_url.partition("after=")[2]
        for address in (asked, {**asked, "after": after}):
            steps = steps_of_page(viewer, **address)
            found = next(step for step in steps if step.get("Relation Name") == "background_tasks")
            expected = [*looked_up, *(["created_at"] if "after" in address else [])]
            assert [word for word in expected if word not in found.get("Index Cond", "")] == [], (viewer, address)
            assert not [step for step in steps if "Sort" in step["Node Type"]]


def test_pages_of_runs_made_at_one_moment_show_each_once(owner: User) -> None:
    make_many(owner, 15, [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
    seen: list[str] = []
    asked: dict[str, str] = {}
    while True:
        page = page_of_runs(owner, asked)
        seen += [run.id for run in page.runs]
        if not page.next_url:
            break
        asked = {"after": page.next_url.partition("after=")[2]}
    assert len(seen) == len(set(seen)) == 45
