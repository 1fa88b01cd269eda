"""Analyse many addresses at once."""

from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from ingest.bulk import MAX_URLS
from ingest.fetch import allowed_hosts
from ingest.guard import FetchError, check_url
from ingest.jobs import start_bulk_analysis
from live.errors import ApiError, invalid
from tasks.models import TaskRun

from .answers import StartedAnswer

router = Router(tags=["background tasks"])

# One person's waiting runs; more is a mistake, or an attack.
MAX_WAITING = 50
RETRY_AFTER = 30


class BulkRequest(Schema):
    """Addresses to read by the rules of the topic of that name; kept only with `save`."""

    urls: list[str] = Field(min_length=1, max_length=MAX_URLS)
    topic: str = Field(min_length=1, max_length=100)
    relevance_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    save: bool = False


@router.post("/bulk-analysis", response={202: StartedAnswer}, summary="Analyse many addresses")
def bulk_analysis(request: HttpRequest, payload: BulkRequest) -> Any:
    """Read up to 500 addresses as one run. 422 says which address cannot be used."""
    topic = " ".join(payload.topic.replace("\x00", "").split())
    if not topic:
        raise invalid("topic", "is empty.")
    urls = [url.strip() for url in payload.urls]
    for number, url in enumerate(urls):
        try:
            check_url(url, allowed_hosts())
        except FetchError as error:
            raise invalid(f"urls.{number}", str(error)) from None
    if TaskRun.objects.live().filter(owner_id=request.user.pk).count() >= MAX_WAITING:
        raise ApiError(
            429, "too_many_requests", "Many of your runs are waiting. Let some end first.", retry_after=RETRY_AFTER
        )
    started = start_bulk_analysis(
        request.user,  # type: ignore[arg-type]
        urls,
        topic,
        relevance_threshold=payload.relevance_threshold,
        save=payload.save,
    )
    return Status(202, {"task_id": started.id, "message": f"Started the analysis of {len(urls):,} addresses."})
