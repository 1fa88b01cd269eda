"""What the parts of this API share."""

from typing import Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Schema

from ingest import access
from ingest.models import Topic
from live.errors import ApiError


class CollectionStartedAnswer(Schema):
    """A run was created; `task_id` is its id and its socket's job_id."""

    success: Literal[True] = True
    task_id: UUID
    message: str


def require_change(request: HttpRequest, topic: Topic) -> None:
    """Raises a 403 for staff who may look at `topic` but not change it."""
    if not access.may_change(request.user, topic):
        raise ApiError(403, "forbidden", "You may look at this topic, but not change it.")
