"""The published schema of the frames: true to the code, to the documentation and to what is sent."""

import json
import re
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pydantic import TypeAdapter, ValidationError

from live import frames, schema
from live.schema import client_frame, server_frame
from tests.live.sockets import greeted
from tests.servers import ROOT
from tests.tasks.runs import make_run

RUN = "00000000-0000-4000-8000-000000000000"


def literals(adapter: TypeAdapter[Any], key: str) -> set[str]:
    """Every value that `key` may have in these frames."""
    definitions = adapter.json_schema()["$defs"].values()
    found = [shape["properties"][key] for shape in definitions if key in shape["properties"]]
    return {value for each in found for value in each.get("enum", [each.get("const")]) if value}


def test_the_published_file_is_the_real_schema_and_is_served(client: Client) -> None:
    published = json.loads((ROOT / "docs" / "frames.schema.json").read_text())
    assert published == schema.json_schema(), "run `make openapi`"
    response = client.get("/api/frames.schema.json")
    assert (response.status_code, response.json()) == (200, published)


def test_the_page_of_the_api_leads_to_schema_and_reference(client: Client) -> None:
    description = client.get("/api/openapi.json").json()["info"]["description"]
    linked = {path: client.get(path) for path in re.findall(r"\]\((/[^)]+)\)", description)}
    assert {path: answer.status_code for path, answer in linked.items()} == {
        "/api/frames.schema.json": 200,
        "/api/frames.md": 200,
    }
    assert linked["/api/frames.md"].content == (ROOT / "docs" / "frames.md").read_bytes()


@pytest.mark.parametrize("adapter", [server_frame, client_frame])
@pytest.mark.parametrize("key", ["type", "status", "code"])
def test_the_reference_names_every_frame(adapter: TypeAdapter[Any], key: str) -> None:
    reference = (ROOT / "docs" / "frames.md").read_text()
    missing = [word for word in literals(adapter, key) if word not in reference]
    assert not missing


@pytest.mark.parametrize(
    "frame",
    [
        frames.direct_message("Connected."),
        frames.direct_message("Connected.", job_id=RUN),
        frames.pong(),
        frames.error("invalid_json", "…"),
        frames.status_request({}, job_id=RUN),
        frames.subscribed(RUN),
        frames.unsubscribed(RUN),
        frames.reset(),
        frames.reset(RUN),
        frames.unread_count(3),
        frames.queue("default", paused=True),
        frames.freshness(fresh=False, as_of=timezone.now()),
        frames.job_update(RUN, seq=1, status="log", payload={"level": "info", "message": "…"}),
    ],
)
def test_what_the_code_can_build_is_of_the_published_shape(frame: frames.Frame) -> None:
    server_frame.validate_json(frames.encode(frame))


@pytest.mark.parametrize("frame", [{"type": "pong"}, frames.pong() | {"more": 1}, {"type": "news"}, [], None])
def test_what_is_not_of_the_shape_is_found(frame: Any) -> None:
    with pytest.raises(ValidationError):
        server_frame.validate_python(frame)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "frame", "answer"),
    [
        ("bulk-process/{run}", {"type": "ping"}, "pong"),
        ("bulk-process/{run}", {"type": "get_status"}, "status_request"),
        ("bulk-process/{run}", {"type": "resume", "since": 0}, "job_update"),
        ("progress/mine", {"type": "get_status"}, "job_update"),
        ("progress/mine", {"type": "get_status", "job_id": "{run}"}, "status_request"),
        ("progress/mine", {"type": "subscribe_job", "job_id": "{run}"}, "subscribed"),
        ("progress/mine", {"type": "unsubscribe_job", "job_id": "{run}"}, "unsubscribed"),
        ("notifications", {"type": "ping"}, "pong"),
    ],
)
async def test_every_frame_a_client_may_send_is_answered(
    owner: User, engine_tables: None, path: str, frame: dict[str, Any], answer: str
) -> None:
    run = await sync_to_async(make_run)(owner)
    text = json.dumps(frame).replace("{run}", str(run.pk))
    client_frame.validate_json(text)
    socket = await greeted(owner, f"/ws/{path.replace('{run}', str(run.pk))}")
    await socket.next()  # the snapshot
    await socket.send_to(text_data=text)
    assert (await socket.next())["type"] == answer
