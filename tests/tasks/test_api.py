"""`/api/background-tasks/*` field by field, and what it answers to bad input."""

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks import lifecycle
from tasks.models import TaskRun
from tasks.states import Status
from tasks.updates import frame_of
from tests.tasks import functions
from tests.tasks.runs import make_run, make_run_in
from tests.waiting import eventually
from tests.workers import WorkerThread

pytestmark = pytest.mark.usefixtures("db")

ROOT = "/api/background-tasks"
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SEED_KEYS = {
    "id",
    "name",
    "status",
    "progress",
    "processed_items",
    "total_items",
    "current_item",
    "created_at",
    "started_at",
    "completed_at",
    "result",
    "error",
    "metadata",
}
OUR_KEYS = {"stage", "message", "topic", "attempt", "seq", "eta_seconds", "cancelling", "can_cancel", "can_retry"}

type SignIn = Callable[[User], Client]


def error_of(response: Any, status: int) -> dict[str, Any]:
    """The error of an answer with `status`, which has our one shape."""
    body = response.json()
    assert response.status_code == status, body
    assert body["success"] is False
    assert body["error"].keys() == {"code", "message", "details"}
    assert body["error"]["message"].endswith((".", "…")) or status == 422
    return body["error"]


def test_the_status_answer_has_the_seeds_fields(client_of: SignIn, owner: User) -> None:
    run = make_run(owner, name="Bulk Analysis", metadata={"source": "test"})
    claimed = lifecycle.claim(run.pk, 1, worker="host:1:1")
    assert claimed
    TaskRun.objects.filter(pk=run.pk).update(
        progress=45.5, processed_items=455, total_items=1000, current_item="article-123"
    )
    body = client_of(owner).get(f"{ROOT}/task/{run.pk}").json()
    assert body.keys() == {"success", "task"}
    task = body["task"]
    assert task.keys() == SEED_KEYS | OUR_KEYS
    assert task | {"created_at": "", "started_at": ""} == {
        "id": str(run.pk),
        "name": "Bulk Analysis",
        "status": "running",
        "progress": 45.5,
        "processed_items": 455,
        "total_items": 1000,
        "current_item": "article-123",
        "created_at": "",
        "started_at": "",
        "completed_at": None,
        "result": None,
        "error": None,
        "metadata": {"source": "test"},
        "stage": "",
        "message": "",
        "topic": "",
        "attempt": 1,
        "seq": 2,
        "eta_seconds": None,
        "cancelling": False,
        "can_cancel": True,
        "can_retry": False,
    }
    assert ISO.fullmatch(task["created_at"]) and ISO.fullmatch(task["started_at"])


def test_the_list_answer_has_the_seeds_fields_newest_first(client_of: SignIn, owner: User) -> None:
    runs = [make_run_in(status, owner) for status in Status]
    body = client_of(owner).get(f"{ROOT}/tasks").json()
    assert body.keys() == {"success", "tasks", "summary", "next_cursor"}
    assert [task["id"] for task in body["tasks"]] == [str(run.pk) for run in reversed(runs)]
    assert body["summary"] == {"total": 5, "running": 1, "pending": 1, "completed": 1, "failed": 1, "cancelled": 1}
    assert client_of(owner).get(f"{ROOT}/summary").json() == {"success": True, "summary": body["summary"]}


def test_paging_shows_every_run_once(client_of: SignIn, owner: User) -> None:
    runs = [make_run(owner) for _ in range(7)]
    client, seen, cursor = client_of(owner), [], ""
    while True:
        body = client.get(f"{ROOT}/tasks", {"limit": 3, "cursor": cursor}).json()
        seen += [task["id"] for task in body["tasks"]]
        cursor = body["next_cursor"]
        if cursor is None:
            break
        make_run(owner, name="arrives while somebody pages")
    assert seen == [str(run.pk) for run in reversed(runs)]


def test_filters_narrow_the_list(client_of: SignIn, owner: User) -> None:
    wanted = make_run_in(Status.FAILED, owner, topic="energy", name="Nightly import")
    make_run_in(Status.FAILED, owner, topic="rail")
    make_run_in(Status.COMPLETED, owner, topic="energy")
    query = {"status": "failed,cancelled", "topic": "energy", "name": "night"}
    tasks = client_of(owner).get(f"{ROOT}/tasks", query).json()["tasks"]
    assert [task["id"] for task in tasks] == [str(wanted.pk)]


@pytest.mark.parametrize(
    "query",
    [
        {"q": "bremen"}, {"q": "tests.tasks.functions.add night"}, {"owner": "owner", "name": "imp"},
        {"created_after": "2020-01-02T00:00:00Z"}, {"status": "pending"}, {"created_after": "2020-01-02", "q": "NIGHT"},
    ],
)  # fmt: skip
def test_words_owner_and_time_narrow_the_list(
    client_of: SignIn, owner: User, staff: User, query: dict[str, str]
) -> None:
    wanted = make_run(owner, name="Nightly import", kwargs={"city": "Bremen"})
    other = make_run_in(Status.COMPLETED, staff, name="Export")
    TaskRun.objects.filter(pk=other.pk).update(created_at="2020-01-01T00:00Z")
    for asker in (owner, staff):
        tasks = client_of(asker).get(f"{ROOT}/tasks", query).json()["tasks"]
        assert [task["id"] for task in tasks] == [str(wanted.pk)]
    early = {"created_before": "2020-01-02"}
    assert [len(client_of(user).get(f"{ROOT}/tasks", early).json()["tasks"]) for user in (owner, staff)] == [0, 1]


def test_what_is_secret_by_its_name_is_shown_to_nobody(client_of: SignIn, owner: User, staff: User) -> None:
    secrets = {
        "smtp_password": "hunter2",
        "deep": [{"ApiKey": ["hunter2"]}],
        "url": "https://me:hunter2@host/",
        "page": 2,
    }
    run = make_run_in(Status.RUNNING, owner, metadata=secrets)
    lifecycle.complete(run, secrets)
    shown = {"smtp_password": "***", "deep": [{"ApiKey": "***"}], "url": "https://***@host/", "page": 2}
    for asker in (owner, staff):
        client = client_of(asker)
        task = client.get(f"{ROOT}/task/{run.pk}").json()["task"]
        assert (task["metadata"], task["result"]) == (shown, shown)
        for path in (f"/task/{run.pk}/events", "/tasks", f"/task/{run.pk}/logs"):
            assert "hunter2" not in client.get(ROOT + path).content.decode()
    run.refresh_from_db()
    assert "hunter2" not in str(frame_of(run))
    assert run.result == secrets


def test_a_function_gets_the_secret_that_nobody_is_shown(worker: WorkerThread, owner: User) -> None:
    result = functions.sign_in.using(owner=owner).enqueue("bob", password="hunter2-real")
    eventually(lambda: "hunter2-real" in functions.SEEN, what="the function runs")
    run = TaskRun.objects.get(pk=result.id)
    again = lifecycle.retry(make_run_in(Status.FAILED, owner, task=run.task, args=run.args, kwargs=run.kwargs))
    assert (again.args, again.kwargs) == (run.args, run.kwargs)


def test_bulk_counts_first_and_takes_what_it_counted(client_of: SignIn, owner: User, stranger: User) -> None:
    runs = [make_run(owner, name="Import", topic="energy") for _ in range(2)]
    make_run(owner, topic="rail")
    make_run(stranger, topic="energy")
    client = client_of(owner)

    def post(**body: Any) -> Any:
        return client.post(f"{ROOT}/bulk/cancel", {"topic": "energy", **body}, content_type="application/json")

    counted = post()
    assert counted.status_code == 200
    assert counted.json() == {
        "success": True, "number": 2, "more": False, "names": [{"name": "Import", "number": 2}]
    }  # fmt: skip
    assert TaskRun.objects.count() == 4
    assert error_of(post(expected=1), 409)["details"] == {"number": 2}
    started = post(expected=2)
    assert started.status_code == 202
    run = TaskRun.objects.get(pk=started.json()["task_id"])
    assert run.kwargs == {"action": "cancel", "run_ids": [str(one.pk) for one in runs]}
    assert run.owner == owner


@pytest.mark.parametrize(
    "body",
    [
        {"stauts": "failed"}, {"status": "nonsense"}, {"created_after": "soon"}, {"topic": "x" * 201}, {"q": 7},
        {"expected": -1}, {"expected": "all"}, [],
    ],
)  # fmt: skip
def test_bulk_with_a_filter_that_is_partly_wrong_takes_nothing(client_of: SignIn, owner: User, body: Any) -> None:
    make_run(owner)
    wanted = {"expected": 9, **body} if isinstance(body, dict) else body
    error_of(client_of(owner).post(f"{ROOT}/bulk/cancel", wanted, content_type="application/json"), 422)
    assert TaskRun.objects.count() == 1


def test_bulk_takes_nothing_that_the_asker_may_not_change(client_of: SignIn, owner: User, stranger: User) -> None:
    make_run_in(Status.FAILED, owner)
    client = client_of(stranger)
    answer = client.post(f"{ROOT}/bulk/retry", {"owner": "owner"}, content_type="application/json").json()
    assert answer["number"] == 0
    error_of(client.post(f"{ROOT}/bulk/retry", {"expected": 1}, content_type="application/json"), 409)
    assert TaskRun.objects.count() == 1


def test_the_cost_of_a_list_does_not_grow_with_its_rows(client_of: SignIn, owner: User) -> None:
    client = client_of(owner)
    make_run(owner)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(f"{ROOT}/tasks")
        return len(queries)

    of_one = cost()
    for _ in range(10):
        make_run(owner)
    assert cost() == of_one


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "/task/{}"), ("get", "/task/{}/events"), ("delete", "/task/{}"), ("post", "/task/{}/retry")],
)
def test_someone_elses_run_and_a_missing_one_are_the_same_404(
    client_of: SignIn, owner: User, stranger: User, method: str, path: str
) -> None:
    run = make_run(owner)
    client = client_of(stranger)
    foreign = getattr(client, method)(ROOT + path.format(run.pk))
    missing = getattr(client, method)(ROOT + path.format(uuid4()))
    assert error_of(foreign, 404) == error_of(missing, 404)
    run.refresh_from_db()
    assert run.status == Status.PENDING
    assert client.get(f"{ROOT}/tasks").json()["tasks"] == []


@pytest.mark.parametrize("path", ["/tasks", "/summary", "/task/00000000-0000-0000-0000-000000000000"])
def test_nobody_is_told_to_sign_in(client: Client, db: None, path: str) -> None:
    assert error_of(client.get(ROOT + path), 401)["code"] == "not_signed_in"


def test_a_write_without_csrf_token_is_refused_and_changes_nothing(owner: User) -> None:
    run = make_run(owner)
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    error_of(client.delete(f"{ROOT}/task/{run.pk}"), 403)
    run.refresh_from_db()
    assert run.status == Status.PENDING


def test_cancel_of_a_waiting_run_is_immediate_and_twice_is_fine(client_of: SignIn, owner: User) -> None:
    run = make_run(owner)
    client = client_of(owner)
    for _ in range(2):
        response = client.delete(f"{ROOT}/task/{run.pk}")
        body = response.json()
        assert response.status_code == 200
        assert body.keys() == {"success", "message", "task"}
        assert body["task"]["status"] == "cancelled"


def test_cancel_of_a_running_run_says_cancelling_until_it_is_true(client_of: SignIn, owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    task = client_of(owner).delete(f"{ROOT}/task/{run.pk}").json()["task"]
    assert (task["status"], task["cancelling"], task["can_cancel"]) == ("running", True, False)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_cancel_of_a_finished_run_is_409(client_of: SignIn, owner: User, status: Status) -> None:
    run = make_run_in(status, owner)
    error = error_of(client_of(owner).delete(f"{ROOT}/task/{run.pk}"), 409)
    assert error["details"] == {"status": status}


def test_retry_starts_a_new_run_and_is_409_for_others(client_of: SignIn, owner: User) -> None:
    client = client_of(owner)
    failed = make_run_in(Status.FAILED, owner)
    response = client.post(f"{ROOT}/task/{failed.pk}/retry")
    assert response.status_code == 202
    body = response.json()
    assert body.keys() == {"success", "task_id", "message"}
    assert TaskRun.objects.get(pk=body["task_id"]).retry_of_id == failed.pk
    error_of(client.post(f"{ROOT}/task/{make_run(owner).pk}/retry"), 409)


def test_retry_of_what_runs_already_names_the_run(client_of: SignIn, owner: User) -> None:
    failed = make_run_in(Status.FAILED, owner, unique_key="k")
    live = make_run(owner, unique_key="k")
    error = error_of(client_of(owner).post(f"{ROOT}/task/{failed.pk}/retry"), 409)
    assert (error["code"], error["details"]) == ("already_running", {"task_id": str(live.pk)})


def test_polling_with_an_etag_is_cheap_and_still_true(client_of: SignIn, owner: User) -> None:
    run = make_run(owner)
    client = client_of(owner)
    etag = client.get(f"{ROOT}/task/{run.pk}").headers["ETag"]
    unchanged = client.get(f"{ROOT}/task/{run.pk}", headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    lifecycle.cancel(run)
    changed = client.get(f"{ROOT}/task/{run.pk}", headers={"If-None-Match": etag})
    assert changed.json()["task"]["status"] == "cancelled"


def test_events_tell_the_history_and_keep_tracebacks_for_staff(client_of: SignIn, owner: User, staff: User) -> None:
    run = make_run_in(Status.FAILED, owner)
    events = client_of(owner).get(f"{ROOT}/task/{run.pk}/events").json()["events"]
    assert [event["data"]["status"] for event in events] == ["pending", "running", "failed"]
    assert all("traceback" not in event["data"] for event in events)
    later = client_of(staff).get(f"{ROOT}/task/{run.pk}/events", {"since": 2}).json()["events"]
    assert [event["seq"] for event in later] == [3]
    assert "traceback" in later[0]["data"]


def test_only_staff_with_permission_clean_up(client_of: SignIn, owner: User, staff: User) -> None:
    make_run_in(Status.COMPLETED, owner)
    error_of(client_of(owner).post(f"{ROOT}/cleanup?max_age_hours=0"), 403)
    assert client_of(staff).post(f"{ROOT}/cleanup").json() == {"success": True, "deleted": 0}
    assert client_of(staff).post(f"{ROOT}/cleanup?max_age_hours=0").json() == {"success": True, "deleted": 1}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/tasks?limit=0", "limit"),
        ("/tasks?limit=101", "limit"),
        ("/tasks?limit=many", "limit"),
        ("/tasks?status=paused", "status"),
        ("/tasks?created_after=soon", "created_after"),
        ("/tasks?created_after=2026-01-02&created_before=2026-01-01", "created_before"),
        ("/tasks?q=%00", "q"),
        ("/tasks?topic=" + "x" * 201, "topic"),
        ("/tasks?name=!", "name"),
        ("/tasks?cursor=%00", "cursor"),
        ("/tasks?cursor=bm9uc2Vuc2U=", "cursor"),
        ("/task/not-a-uuid", "task_id"),
    ],
)
def test_a_bad_parameter_is_422_and_named(client_of: SignIn, owner: User, path: str, field: str) -> None:
    error = error_of(client_of(owner).get(ROOT + path), 422)
    assert error["details"][0]["field"] == field


@pytest.mark.parametrize("hours", ["-1", "nan", "inf", "x"])
def test_a_bad_age_deletes_nothing(client_of: SignIn, staff: User, hours: str) -> None:
    make_run_in(Status.COMPLETED)
    error_of(client_of(staff).post(f"{ROOT}/cleanup?max_age_hours={hours}"), 422)
    assert TaskRun.objects.count() == 1


def test_a_nul_byte_in_a_filter_is_said_rather_than_left_out(client_of: SignIn, owner: User) -> None:
    for field in ("topic", "name", "q", "owner", "status", "created_after"):
        error = error_of(client_of(owner).get(f"{ROOT}/tasks?{field}=a%00b"), 422)
        assert error["details"][0]["field"] == field


def test_an_unknown_address_and_a_wrong_method_answer_in_json(client_of: SignIn, owner: User) -> None:
    client = client_of(owner)
    error_of(client.get(f"{ROOT}/nothing"), 404)
    error_of(client.put(f"{ROOT}/tasks"), 405)


def test_the_published_schema_is_the_real_one(client_of: SignIn) -> None:
    from statusproj.api import api
    from tests.servers import ROOT as CHECKOUT

    published = json.loads((CHECKOUT / "docs" / "openapi.json").read_text())
    real = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    assert published == real, "run `make openapi`"
