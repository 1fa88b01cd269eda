"""`/api/background-tasks/bulk/{cancel|retry}`: everything that matches, counted before it is taken."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from ninja import Status as Answer
from pydantic import ConfigDict, Field

from live.errors import ApiError
from live.limits import Kind, limited

from . import bulk
from .api import FilterQuery, StartedAnswer, filters_of
from .bulk import Action
from .exceptions import NumberChanged

router = Router(tags=["background tasks"])


class BulkRequest(FilterQuery):
    """Which runs, as in the list, and how many of them you know of. A key that is not known is refused."""

    model_config = ConfigDict(extra="forbid")

    expected: int | None = Field(None, ge=0, description="The number you were told. Without it nothing is done yet.")


class NameCount(Schema):
    """How many of the runs have this name."""

    name: str
    number: int


class CountAnswer(Schema):
    """What would be taken: `number` runs, the oldest of more if `more`. `names`: the most frequent."""

    success: Literal[True] = True
    number: int
    more: bool
    names: list[NameCount]


@router.post("/bulk/{action}", response={200: CountAnswer, 202: StartedAnswer}, summary="Cancel or retry what matches")
@limited(Kind.CONTROL)
def bulk_apply(request: HttpRequest, action: Action, wanted: BulkRequest) -> Any:
    """First without `expected`: says how many runs match that you may cancel or retry. Then with that number: freezes
    what matches and starts a run that does it; 409 if nothing or more than that matches by now."""
    user: Any = request.user
    filters = filters_of(wanted)
    if wanted.expected is None:
        count = bulk.count(user, filters, action)
        names = [{"name": name, "number": number} for name, number in count.names]
        return Answer(200, {"number": count.number, "more": count.more, "names": names})
    try:
        run = bulk.start(user, filters, action, expected=wanted.expected)
    except NumberChanged as changed:
        raise ApiError(409, "number_changed", str(changed), {"number": changed.actual}) from None
    return Answer(202, {"task_id": run.pk, "message": f"Started “{run.name}”."})
