"""Every operation of the API, met with what it does not expect: an honest status, a sentence, nothing lost."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notifications.models import Notification
from tasks.models import TaskRun
from tests.permissions.routes import Route
from tests.permissions.things import make_things
from tests.servers import ROOT
from tests.tasks.runs import make_run

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
OPERATIONS = sorted((path, method) for path, methods in DOCUMENT["paths"].items() for method in methods)
PUBLIC = {"/api/frames.schema.json", "/api/frames.md"}  # documentation, as /api/docs is
WRITES = [(path, method) for path, method in OPERATIONS if method in {"post", "patch", "put", "delete"}]
WITH_BODY = [(path, method) for path, method in OPERATIONS if "requestBody" in DOCUMENT["paths"][path][method]]
HOSTILE_BODIES = [
    "",
    "{",
    "[]",
    "null",
    "1",
    '"text"',
    '{"topic_id": "x", "urls": 7, "username": {}, "up_to": [], "kwargs": 1}',
    '{"topic_id": -1, "urls": ["javascript:alert(1)"], "topic": "", "title": "\\u0000", "link": "//evil.example"}',
    '{"topic_id": 1e400, "limit": NaN, "relevance_threshold": 7}',
    "\u0000",
    json.dumps({"urls": ["http://example.com/"] * 100_000, "topic": "x" * 100_000}),
    "[" * 10_000,
]
HOSTILE_VALUES = ["", "0", "-1", "\x00", "x" * 5000, "99999999999999999999999", "NaN", "../../etc/passwd", "'--", "{}"]


def ids(operation: tuple[str, str]) -> str:
    """The operation as people write it."""
    return f"{operation[1].upper()} {operation[0]}" if isinstance(operation, tuple) else str(operation)


def parameters_of(operation: tuple[str, str]) -> list[dict[str, Any]]:
    """Those of its path and its query."""
    path, method = operation
    parameters: list[dict[str, Any]] = DOCUMENT["paths"][path][method].get("parameters", [])
    return parameters


def fill(path: str, value: str) -> str:
    """The path with every parameter replaced by `value`."""
    parts = [value if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)


def assert_honest(response: Any, *, allowed: set[int]) -> None:
    """A status that was meant, and our one error shape with a sentence in it."""
    assert response.status_code in allowed, response.content[:500]
    if response.status_code >= 400:
        body = response.json()
        assert body["success"] is False
        assert body["error"].keys() == {"code", "message", "details"}
        assert len(body["error"]["message"]) > 5
        for leak in ("Traceback", "django.", "psycopg", "SELECT", str(ROOT), ".py"):
            assert leak not in response.content.decode(), leak


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one[0] not in PUBLIC], ids=ids)
def test_nobody_gets_in_without_signing_in(db: None, client: Client, operation: tuple[str, str]) -> None:
    path, method = operation
    response = client.generic(method.upper(), fill(path, "1"), "{}", content_type="application/json")
    assert_honest(response, allowed={401})


@pytest.mark.parametrize("operation", WRITES, ids=ids)
def test_no_write_goes_through_without_a_csrf_token(owner: User, operation: tuple[str, str]) -> None:
    path, method = operation
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = client.generic(method.upper(), fill(path, "1"), "{}", content_type="application/json")
    assert_honest(response, allowed={403})


@pytest.mark.parametrize("operation", WITH_BODY, ids=ids)
def test_a_body_that_makes_no_sense_is_said_so_and_changes_nothing(
    client_of: Callable[[User], Client], staff: User, owner: User, operation: tuple[str, str]
) -> None:
    path, method = operation
    run = make_run(owner)
    client = client_of(staff)
    known = fill(path, str(run.pk))
    for body in HOSTILE_BODIES:
        response = client.generic(method.upper(), known, body, content_type="application/json")
        # 200 and 404 where every field is optional, or the path alone decides.
        assert_honest(response, allowed={200, 400, 403, 404, 405, 409, 413, 422})
        assert response.status_code != 200 or body in {"", "[]", "null"} or "topic_id" in body, body
    assert TaskRun.objects.count() == 1
    assert not Notification.objects.exists()


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_parameters_that_make_no_sense_never_break_anything(
    client_of: Callable[[User], Client], staff: User, operation: tuple[str, str]
) -> None:
    path, method = operation
    client = client_of(staff)
    for value in HOSTILE_VALUES:
        query = {item["name"]: value for item in parameters_of(operation) if item["in"] == "query"}
        safe = value.replace("/", "%2F").replace("\x00", "%00") or "-"
        response = getattr(client, method)(fill(path, safe), query_params=query)
        assert_honest(response, allowed={200, 202, 204, 400, 403, 404, 405, 409, 422})


ASKED_OF = [one for one in OPERATIONS if any(item["in"] == "query" for item in parameters_of(one))]


@pytest.mark.parametrize("operation", ASKED_OF, ids=ids)
def test_each_parameter_by_itself_never_breaks_anything_where_there_is_something_to_find(
    client_of: Callable[[User], Client], owner: User, operation: tuple[str, str]
) -> None:
    path, method = operation
    client = client_of(User.objects.create_superuser("superuser"))
    there = Route(path, None).path(make_things(owner))
    for name in (item["name"] for item in parameters_of(operation) if item["in"] == "query"):
        for value in HOSTILE_VALUES:
            response = getattr(client, method)(there, query_params={name: value})
            response.getvalue()  # what is sent while it is read breaks off here, with 200 already said
            assert_honest(response, allowed={200, 202, 400, 422})
