"""The frames as types: one source for the JSON Schema that is published, and for the tests of what is really sent.

`python -m live.schema` writes the schema. Nothing is checked while serving: frames.py builds each frame in one place.
"""

import json
import sys
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Timestamp = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", description="ISO 8601, UTC, with milliseconds.")
]
Seq = Annotated[int, Field(ge=0, lt=2**63)]
Count = Annotated[int, Field(ge=0)]


def _may_be_missing(schema: dict[str, Any]) -> None:
    # pydantic knows a default for what may be missing; on the wire there is none.
    schema.pop("default", None)


RunId = Annotated[UUID, Field(json_schema_extra=_may_be_missing)]


class Strict(BaseModel):
    """Every key is named here: one that is not, or of another type, is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True)


# From the server: news of one run


class Update(Strict):
    """News of one run; the newest by seq is where it stands."""

    type: Literal["job_update"]
    job_id: UUID
    timestamp: Timestamp
    seq: Seq


class Place(Strict):
    """How far a run is; `total` is null while unknown."""

    progress: Annotated[float, Field(ge=0, lt=100)]
    processed: Count
    total: Count | None
    stage: str
    message: str
    current_item: str
    eta_seconds: Count | None


class Pending(Update):
    """It waits; `position` 1 starts next, null when it is not known."""

    status: Literal["pending"]
    name: str
    position: Annotated[int, Field(ge=1)] | None
    message: str


class Progress(Update, Place):
    """It runs."""

    status: Literal["progress"]
    name: str


class BatchUpdate(Update, Place):
    """A batch is done."""

    status: Literal["batch_update"]
    batch_completed: Count
    total_batches: Count
    results: list[Any]
    results_left_out: Annotated[int, Field(gt=0, json_schema_extra=_may_be_missing)] = 0


class Log(Update):
    """A line of its log."""

    status: Literal["log"]
    level: Literal["debug", "info", "warning", "error"]
    message: str
    skipped: Annotated[int, Field(gt=0, json_schema_extra=_may_be_missing)] = 0


class Cancelling(Update):
    """A stop was asked for, and the worker has not confirmed it yet."""

    status: Literal["cancelling"]
    name: str
    message: str
    processed: Count
    total: Count | None


class Completed(Update):
    """Final: it completed."""

    status: Literal["completed"]
    name: str
    progress: Literal[100]
    results: Any
    processed: Count
    total: Count | None


class Failed(Update):
    """Final: it failed."""

    status: Literal["error"]
    name: str
    error: str
    processed: Count
    total: Count | None


class Cancelled(Update):
    """Final: it was cancelled."""

    status: Literal["cancelled"]
    name: str
    message: str
    processed: Count
    total: Count | None


JobUpdate = Annotated[
    Pending | Progress | BatchUpdate | Log | Cancelling | Completed | Failed | Cancelled, Field(discriminator="status")
]


# From the server: everything else


class DirectMessage(Strict):
    """The first frame on every socket."""

    type: Literal["direct_message"]
    status: Literal["connected"]
    job_id: RunId = Field(default=None, description="On a run's socket.")  # type: ignore[assignment]
    message: str
    timestamp: Timestamp


class Pong(Strict):
    """The answer to `ping`."""

    type: Literal["pong"]
    timestamp: Timestamp


class StatusRequest(Strict):
    """The answer to `get_status`; `task` is the TaskObject of /api/openapi.json."""

    type: Literal["status_request"]
    job_id: UUID
    task: dict[str, Any]
    timestamp: Timestamp


class Subscribed(Strict):
    """This socket hears of that run as well, or no longer."""

    type: Literal["subscribed", "unsubscribed"]
    job_id: str
    timestamp: Timestamp


class Reset(Strict):
    """Forget what you pieced together; a snapshot follows."""

    type: Literal["reset"]
    job_id: RunId = Field(default=None, description="On a run's socket, after a resume.")  # type: ignore[assignment]
    timestamp: Timestamp


class NotificationFields(Strict):
    """A notification as /api/notifications lists it."""

    id: int
    username: str | None = Field(description="Null for a broadcast.")
    type: str
    title: str
    message: str
    link: str | None
    severity: Literal["info", "success", "warning", "error"] | None = Field(description="Null: as the type says.")
    occurrences: int = Field(ge=1, description="How often it was told while it was unread; the newest words stand.")
    read: bool
    created_at: str = Field(description="When it was told last.")


class Notification(Strict):
    """A notification has arrived."""

    type: Literal["notification"]
    notification: NotificationFields
    unread_count: Count


class UnreadCount(Strict):
    """How many notifications are unread now."""

    type: Literal["unread_count"]
    unread_count: Count


class Queue(Strict):
    """A queue was paused or goes on; what waits in it starts later, or soon."""

    type: Literal["queue"]
    queue: str
    paused: bool
    timestamp: Timestamp


class Freshness(Strict):
    """Whether everything told so far is known to be true; with `fresh: false` it was at `as_of`, and may no longer be.

    Nothing has to be done: once the server can read its database again it tells what is new, then `fresh: true`.
    """

    type: Literal["freshness"]
    fresh: bool
    as_of: Timestamp
    timestamp: Timestamp


class Error(Strict):
    """What you sent could not be used; the socket stays open."""

    type: Literal["error"]
    code: Literal[
        "invalid_json", "not_an_object", "unknown_type", "invalid_since", "not_found", "too_many", "unavailable"
    ]
    message: str
    timestamp: Timestamp


ServerFrame = Annotated[
    JobUpdate
    | DirectMessage
    | Pong
    | StatusRequest
    | Subscribed
    | Reset
    | Queue
    | Freshness
    | Notification
    | UnreadCount
    | Error,
    Field(discriminator="type"),
]


# From the client


class Ping(Strict):
    """Answered with `pong`."""

    type: Literal["ping"]


class GetStatus(Strict):
    """Answered with `status_request`; on a topic's socket without `job_id`: with a snapshot of the topic."""

    type: Literal["get_status"]
    job_id: Annotated[str, Field(json_schema_extra=_may_be_missing)] = Field(
        default="", description="On a topic's socket: which run."
    )


class Resume(Strict):
    """On a run's socket: tell everything after `since`, then go on."""

    type: Literal["resume"]
    since: Seq


class SubscribeJob(Strict):
    """On a topic's socket: hear of this run as well, or no longer."""

    type: Literal["subscribe_job", "unsubscribe_job"]
    job_id: str


ClientFrame = Annotated[Ping | GetStatus | Resume | SubscribeJob, Field(discriminator="type")]

server_frame: TypeAdapter[Any] = TypeAdapter(ServerFrame)
client_frame: TypeAdapter[Any] = TypeAdapter(ClientFrame)


def json_schema() -> dict[str, Any]:
    """The published schema: `#/$defs/ServerFrame` for what you hear, `#/$defs/ClientFrame` for what you may send."""
    named, shared = TypeAdapter.json_schemas(
        [("ServerFrame", "validation", server_frame), ("ClientFrame", "validation", client_frame)]
    )
    frames = {str(key): schema for (key, _), schema in named.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Frames of statusproj's sockets",
        "description": "Explained in docs/frames.md. Every text message is one frame.",
        "$ref": "#/$defs/ServerFrame",
        "$defs": {**shared["$defs"], **frames},
    }


if __name__ == "__main__":
    json.dump(json_schema(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")
