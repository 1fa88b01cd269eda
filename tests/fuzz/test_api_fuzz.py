"""Every operation of the API, in every role, with whatever its description allows and forbids: each answer is one that
it describes, and none is of 500 or above.

`make test` tries the same 700 requests each time; `make fuzz` as many again as one has patience for, and others.
"""

import json
import os
from collections import Counter
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from ninja import Schema
from schemathesis import Case, GenerationMode
from schemathesis.core.transport import Response
from schemathesis.specs.openapi import checks

from ingest.models import Article, Topic
from notifications import facade
from tasks import schedules
from tasks.schedules import Plan
from tasks.states import Status
from tests.servers import ROOT
from tests.tasks.runs import ADD, make_run_in

FUZZ = int(os.environ.get("FUZZ_EXAMPLES", "0"))  # requests for each operation and mode
ROLES = ("nobody", "stranger", "owner", "staff", "superuser")
SCHEMA = schemathesis.openapi.from_dict(json.loads((ROOT / "docs" / "openapi.json").read_text()))
OPERATIONS = {operation.ok().label: operation.ok() for operation in SCHEMA.get_all_operations()}
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


class World:
    """A client for each role, and something of everything for them to find."""

    def __init__(self, owner: User, users: dict[str, User]) -> None:
        self.clients = {role: Client(raise_request_exception=False) for role in ROLES}
        for role, user in users.items():
            self.clients[role].force_login(user)
        runs = [make_run_in(status, owner) for status in Status]
        topic = Topic.objects.create(owner=owner, name="Energy")
        keyword = topic.keywords.create(phrase="heat pump")
        source = topic.sources.create(url="https://news.example/feed")
        article = Article.objects.create(
            topic=topic, source=source, url="https://news.example/1", canonical_url="https://news.example/1"
        )
        plan = Plan(name="Nightly", task=ADD, kwargs={"a": 1, "b": 2}, owner_id=owner.pk, interval=timedelta(hours=1))
        schedule = schedules.create(plan)
        notice = facade.create_notification(username="owner", type="task_failed", title="Import", message="It failed.")
        self.known: dict[str, list[Any]] = {
            "task_id": [str(run.pk) for run in runs],
            "topic_id": [topic.pk],
            "source_id": [source.pk],
            "article_id": [article.pk],
            "keyword_id": [keyword.pk],
            "schedule_id": [schedule.pk],
            "notification_id": [notice.pk],
            "queue": ["default"],
        }


@pytest.fixture
def world(owner: User, stranger: User, staff: User, settings: Any) -> World:
    """Everybody, and what the owner has."""
    settings.TASKS_SCHEDULABLE = {ADD: ""}
    root = User.objects.create_superuser("superuser")
    return World(owner, {"stranger": stranger, "owner": owner, "staff": staff, "superuser": root})


def send(client: Client, case: Case) -> Response:
    """The API's answer to this request."""
    sent = case.as_transport_kwargs(base_url="http://testserver")
    sent.pop("cookies", None)  # the session is the client's
    prepared = requests.Request(**sent).prepare()
    body = prepared.body or b""
    headers = {
        name: value for name, value in prepared.headers.items() if name.lower() not in {"content-length", "cookie"}
    }
    parts = urlsplit(str(prepared.url))
    answer = client.generic(
        case.method,
        parts.path,
        body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass"),
        content_type=headers.pop("Content-Type", "application/octet-stream"),
        QUERY_STRING=parts.query,
        headers=headers,
    )
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return Response(
        status_code=answer.status_code,
        headers={name.lower(): [value] for name, value in answer.items()},
        content=content,
        request=prepared,
        elapsed=0.0,
        verify=False,
    )


def cases() -> list[Any]:
    """Operations and modes. Where nothing can be given, nothing forbidden can."""
    found = []
    for label, operation in OPERATIONS.items():
        takes = any(True for _ in operation.iter_parameters()) or operation.body
        modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if takes else [GenerationMode.POSITIVE]
        found += [pytest.param(label, mode, id=f"{label} {mode.value}") for mode in modes]
    return found


def test_no_two_shapes_share_a_name() -> None:
    """Of two with one name the description would know one, and call the other's answers by it."""
    shapes, waiting = set(), [Schema]
    while waiting:
        shape = waiting.pop()
        waiting += shape.__subclasses__()
        if shape.__module__.partition(".")[0] in {"tasks", "ingest", "notifications", "live", "accounts", "statusproj"}:
            shapes.add(shape)
    named = Counter(shape.__name__ for shape in shapes)
    assert [name for name, times in named.items() if times > 1] == []


@pytest.mark.parametrize(("label", "mode"), cases())
def test_whatever_is_asked_the_answer_is_one_that_is_described(world: World, label: str, mode: GenerationMode) -> None:
    operation = OPERATIONS[label]

    # Derandomized: what `make test` tries does not change from one run to the next.
    @settings(max_examples=FUZZ or 6, derandomize=not FUZZ, database=None)
    @given(case=operation.as_strategy(mode), role=st.sampled_from(ROLES), real=st.booleans(), data=st.data())
    def ask(case: Case, role: str, real: bool, data: st.DataObject) -> None:
        if real:
            # Of what there is, and not only of numbers and ids that nobody has.
            for name in world.known.keys() & (case.path_parameters or {}).keys():
                case.path_parameters[name] = data.draw(st.sampled_from(world.known[name]))
        with transaction.atomic():
            response = send(world.clients[role], case)
            transaction.set_rollback(True)
        case.validate_response(response, checks=CHECKS)

    ask()
