"""Sockets, sent whatever a client may think of: an answer of the published shape or an honest close; never 1011."""

import json
import os
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from hypothesis import given, settings
from hypothesis import strategies as st

from live.schema import server_frame
from tasks.states import Status
from tests.live.isolation import clean_live_state
from tests.live.sockets import socket_of
from tests.tasks.runs import make_run_in

pytestmark = pytest.mark.django_db(transaction=True)

FUZZ = int(os.environ.get("FUZZ_EXAMPLES", "0"))
PATHS = ("/ws/bulk-process/{run}", "/ws/progress/mine", "/ws/progress/energy", "/ws/notifications")
HONEST = {1003, 1009, 4400, 4403, 4404, 4429}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
known_types = st.sampled_from(["ping", "get_status", "resume", "subscribe_job", "unsubscribe_job", "cancel", ""])
known_frames = st.fixed_dictionaries(
    {"type": known_types | json_values},
    optional={"job_id": st.just("{run}") | st.uuids().map(str) | json_values, "since": st.integers() | json_values},
)
texts = (
    (known_frames | json_values).map(json.dumps) | st.text(max_size=200) | st.just("[" * 5000) | st.just("x" * 70_000)
)
sendings = st.lists(texts | st.binary(max_size=50), min_size=1, max_size=6)


@pytest.fixture(autouse=True)
def live_state(engine_tables: None) -> Any:
    """No layer, loop or hub of an earlier test."""
    yield from clean_live_state()


@settings(max_examples=FUZZ or 60, derandomize=not FUZZ, database=None)
@given(sent=sendings, path=st.sampled_from(PATHS), html=st.booleans())
async def test_whatever_a_client_sends_a_socket_answers_or_closes_honestly(
    owner: User, sent: list[str | bytes], path: str, html: bool
) -> None:
    run = await sync_to_async(make_run_in)(Status.RUNNING, owner)
    socket = await socket_of(owner, path.format(run=run.pk) + ("?content=html" if html else ""))
    for what in sent:
        said = {"bytes": what} if isinstance(what, bytes) else {"text": what.replace("{run}", str(run.pk))}
        await socket.send_input({"type": "websocket.receive", **said})
    await socket.send_to(text_data='{"type": "ping"}')
    while True:
        event = await socket.receive_output(timeout=5)
        if event["type"] == "websocket.close":
            assert event["code"] in HONEST, event
            break
        if html:
            if event["text"] == "<!-- pong -->":
                break
            continue
        frame = json.loads(event["text"])
        server_frame.validate_json(event["text"])
        if frame["type"] == "pong":
            break
    await socket.disconnect()
