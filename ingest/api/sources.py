"""Sources: list, add, change, delete, import, export, and the feeds behind an address."""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema, Status

from ingest import access
from ingest.models import Source
from ingest.sources import editing
from ingest.sources.exporting import write_opml
from ingest.sources.finding import NothingFound, look_for_feeds
from ingest.sources.importing import import_lines, refusal
from ingest.sources.jobs import SMALL, start_import
from ingest.sources.lines import MAX_BYTES, UnreadableList, read_list
from ingest.sources.listing import Filters, as_json, sources_of
from ingest.topic_settings import BadSetting
from live.errors import ApiError, invalid
from live.frames import timestamp
from live.limits import Kind, limited
from tasks.exceptions import AlreadyRunning

from .answers import require_change

router = Router()

MAX_PAGE = 100
ID = Field(ge=1, le=2**63 - 1)


class SourceGiven(Schema):
    """What is set about a source; what is left out stays. `every`: minutes, 0 for as its topic says."""

    title: str | None = Field(None, max_length=300)
    folder: str | None = Field(None, max_length=100)
    every: int | None = Field(None, ge=0, le=editing.LONGEST)
    is_paused: bool | None = None


class NewSource(SourceGiven):
    """A source to add; its address is taken as it is."""

    topic_id: int = ID
    url: str = Field(min_length=1, max_length=2000)


class SourceChange(SourceGiven):
    """What to change about a source."""

    url: str | None = Field(None, min_length=1, max_length=2000)


class ImportRequest(Schema):
    """A list: OPML, CSV, or one address a line. `look`: some are pages, whose feeds are to be found."""

    topic_id: int = ID
    text: str = Field(min_length=1, max_length=MAX_BYTES)
    look: bool = False


class ImportAnswer(Schema):
    """What came of a short list: each line as it ended."""

    success: bool = True
    message: str
    added: int
    already: int
    failed: int
    lines: list[dict[str, Any]]


class ImportStarted(Schema):
    """A long list is a run; `task_id` is its id."""

    success: bool = True
    task_id: UUID
    message: str


class Address(Schema):
    """An address of a feed or a page."""

    url: str = Field(min_length=1, max_length=2000)


@router.get("/sources", summary="List sources")
def list_sources(
    request: HttpRequest,
    topic_id: int | None = Query(None, ge=1, le=2**63 - 1),
    show: str = Query("all", description="all, failing, paused, unread or healthy"),
    folder: str = Query("*", max_length=200, description="* for all of them"),
    q: str = Query("", max_length=200),
    limit: int = Query(50, ge=1, le=MAX_PAGE),
    cursor: int = Query(0, ge=0, le=2**63 - 1),
) -> dict[str, Any]:
    """Those of one topic, or of all topics of the asker, with their health; oldest first."""
    sources = sources_of(request.user)
    if topic_id is not None:
        sources = access.get_visible_topic(request.user, topic_id).sources.all()
    matching = Filters.of({"show": show, "folder": folder, "q": q}).select(sources)
    rows = list(matching.filter(pk__gt=cursor).select_related("topic").order_by("pk")[: limit + 1])
    return {
        "success": True,
        "count": matching.count(),
        "sources": [_json_of(source) for source in rows[:limit]],
        "next_cursor": rows[limit - 1].pk if len(rows) > limit else None,
    }


@router.post("/sources", response={201: dict[str, Any]}, summary="Add a source")
@limited(Kind.CREATE)
def add_source(request: HttpRequest, payload: NewSource) -> Any:
    """The address of a feed, as it is; `/sources/discover` finds those of a page. 422 says why it cannot be used."""
    topic = access.get_visible_topic(request.user, payload.topic_id)
    require_change(request, topic)
    try:
        source = editing.add(topic, payload.url, **payload.dict(exclude={"topic_id", "url"}))
    except BadSetting as error:
        raise invalid(error.field, str(error)) from None
    return Status(201, {"success": True, "source": _json_of(source)})


@router.post("/sources/discover", summary="Find the feeds behind an address")
@limited(Kind.CREATE)
def discover_feeds(request: HttpRequest, payload: Address) -> dict[str, Any]:
    """The address itself, what its page names, or one at a usual place. 422 says why there is none. Adds nothing."""
    url = payload.url.strip()
    if why := refusal(url):
        raise invalid("url", why)
    try:
        found = look_for_feeds(url)
    except NothingFound as nothing:
        raise invalid("url", str(nothing)) from None
    keys = ("url", "title", "site_url", "kind", "entries")
    return {"success": True, "feeds": [{key: getattr(one, key) for key in keys} for one in found]}


@router.post("/sources/import", response={200: ImportAnswer, 202: ImportStarted}, summary="Import a list of sources")
@limited(Kind.IMPORT)
def import_sources(request: HttpRequest, payload: ImportRequest) -> Any:
    """Short lists at once, with a report; longer ones, and those with `look`, as a run. Safe to send again."""
    topic = access.get_visible_topic(request.user, payload.topic_id)
    require_change(request, topic)
    try:
        lines = async_to_sync(read_list)(payload.text.encode(errors="replace"))
    except UnreadableList as error:
        raise invalid("text", str(error)) from None
    if len(lines) <= SMALL and not payload.look:
        report = import_lines(topic, lines)
        return {"message": str(report), **report.counts, "lines": [one.as_json() for one in report.outcomes]}
    try:
        started = start_import(topic, lines, look=payload.look)
    except AlreadyRunning as error:
        message = f"Another import into “{topic.name}” is under way."
        raise ApiError(409, "already_running", message, {"task_id": str(error.run_id)}) from None
    return Status(202, {"task_id": started.id, "message": f"Started importing {len(lines):,} lines."})


@router.get("/sources/export", summary="Export sources as OPML")
def export_sources(request: HttpRequest, topic_id: int | None = Query(None, ge=1, le=2**63 - 1)) -> HttpResponse:
    """Those of one topic, or of all topics of the asker, with their folders."""
    sources, title = sources_of(request.user), "Sources"
    if topic_id is not None:
        topic = access.get_visible_topic(request.user, topic_id)
        sources, title = topic.sources.all(), topic.name
    return HttpResponse(
        write_opml(sources.order_by("folder", "pk"), title=title), content_type="text/x-opml; charset=utf-8"
    )


@router.patch("/sources/{int:source_id}", summary="Change a source")
def change_source(request: HttpRequest, source_id: int, payload: SourceChange) -> dict[str, Any]:
    """Title, address, folder, rhythm, paused or not."""
    try:
        changed = editing.change(_source(request, source_id), **payload.dict())
    except BadSetting as error:
        raise invalid(error.field, str(error)) from None
    return {"success": True, "source": _json_of(changed)}


@router.delete("/sources/{int:source_id}", summary="Remove a source")
def delete_source(request: HttpRequest, source_id: int) -> dict[str, Any]:
    """It is not read any more; its articles stay."""
    return {"success": True, "message": editing.delete([_source(request, source_id)])}


def _source(request: HttpRequest, source_id: int) -> Source:
    """The source, if the asker may change its topic."""
    source = Source.objects.select_related("topic__owner").filter(pk=min(source_id, 2**63 - 1)).first()
    if source is None:
        raise Http404("No such source.")
    require_change(request, access.get_visible_topic(request.user, source.topic_id))
    return source


def _json_of(source: Source) -> dict[str, Any]:
    told = as_json(source)
    moments = ("last_checked_at", "last_new_at", "next_read_at")
    return told | {name: timestamp(told[name]) if told[name] else None for name in moments}
