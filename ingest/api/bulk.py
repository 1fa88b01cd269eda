"""Analyse many addresses at once."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, File, Form, Router, Schema, Status, UploadedFile
from pydantic import StringConstraints

from ingest.addresses import MAX_BYTES, MAX_URLS, SHOWN, Addresses, first_bad, read_file, read_urls, started
from ingest.fetching.fetch import allowed_hosts
from ingest.jobs import places_left, start_bulk_analysis
from ingest.rules import BadKeyword, read_lines
from live.errors import ApiError, invalid
from live.limits import Kind, limited

router = Router(tags=["background tasks"])

RETRY_AFTER = 30
# Of a list sent as JSON; twice what one run reads, for many may be repeated.
MAX_SENT = 2 * MAX_URLS
type Phrase = Annotated[str, StringConstraints(max_length=200)]


class BulkOptions(Schema):
    """By what to judge, and what to do with what is found."""

    topic: str = Field("", max_length=100)
    keywords: list[Phrase] = Field([], max_length=200)
    relevance_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    save: bool = False
    skip_invalid: bool = False
    dry_run: bool = False


class BulkAnalysisRequest(BulkOptions):
    """Addresses to read by the rules of the topic of that name, or by `keywords` (`-word` keeps out).

    Kept only with `save`. With `skip_invalid` what cannot be used is left out; with `dry_run` nothing is started, the
    answer says what would be.
    """

    urls: list[str] = Field(min_length=1, max_length=MAX_SENT)


class BadLineObject(Schema):
    """An address that cannot be used: its line (or place in the list) from 1, the text, the reason."""

    line: int
    text: str
    reason: str


class BulkAnalysisAnswer(Schema):
    """A run was created, unless this was a dry run: then `task_id` is null."""

    success: Literal[True] = True
    task_id: UUID | None
    message: str
    total: int
    repeated: int
    invalid: int
    invalid_lines: list[BadLineObject]


@router.post(
    "/bulk-analysis", response={200: BulkAnalysisAnswer, 202: BulkAnalysisAnswer}, summary="Analyse many addresses"
)
@limited(Kind.START)
def bulk_analysis(request: HttpRequest, payload: BulkAnalysisRequest) -> Any:
    """Read up to 10,000 addresses as one run. 422 lists what cannot be used, with line and reason: the first hundred,
    and how many there are."""
    return _answer(request, read_urls(payload.urls, allowed_hosts()), payload, "urls")


@router.post(
    "/bulk-analysis/file",
    response={200: BulkAnalysisAnswer, 202: BulkAnalysisAnswer},
    summary="Analyse a file of addresses",
)
@limited(Kind.START)
def bulk_analysis_of_file(request: HttpRequest, options: Form[BulkOptions], file: File[UploadedFile]) -> Any:
    """The same for a text or CSV file (one address a line, or a column of them) of 5 MB at most, sent as a form."""
    if (file.size or 0) > MAX_BYTES:
        raise ApiError(413, "too_large", f"The file is too large: {MAX_BYTES // 1_000_000} MB at most.")
    return _answer(request, read_file(file.read(), file.name or "", allowed_hosts()), options, "file")


def _answer(request: HttpRequest, addresses: Addresses, options: BulkOptions, field: str) -> Status[dict[str, Any]]:
    topic, keywords = _by_what(options)
    _refuse_bad(addresses, options, field)
    said = {
        "total": len(addresses.urls),
        "repeated": addresses.repeated,
        "invalid": len(addresses.bad),
        "invalid_lines": _as_json(addresses),
    }
    if options.dry_run:
        return Status(200, {"task_id": None, "message": f"{addresses.summary}. {_('Nothing was started.')}", **said})
    if places_left(request.user) <= 0:  # type: ignore[arg-type]
        raise ApiError(
            429, "too_many_requests", "Many of your runs are waiting. Let some end first.", retry_after=RETRY_AFTER
        )
    run_id = start_bulk_analysis(
        request.user,  # type: ignore[arg-type]
        addresses.urls,
        topic,
        keywords=keywords,
        relevance_threshold=options.relevance_threshold,
        save=options.save,
    )
    return Status(202, {"task_id": run_id, "message": started(len(addresses.urls)), **said})


def _by_what(options: BulkOptions) -> tuple[str, Sequence[str]]:
    """The name of the topic, which is that of the first keyword if there is no other, and the keywords."""
    topic = " ".join(options.topic.replace("\x00", "").split())
    try:
        keywords = read_lines(options.keywords)
    except BadKeyword as error:
        raise invalid("keywords", str(error)) from None
    if options.keywords and not keywords.include:
        raise invalid("keywords", "hold nothing to look for.")
    if not topic and not keywords.include:
        raise invalid("topic", "is empty, and there are no keywords in its place.")
    if options.save and options.keywords:
        raise invalid("save", "goes with a topic and its own keywords: an article is kept by one.")
    return topic or keywords.include[0].phrase, options.keywords


def _refuse_bad(addresses: Addresses, options: BulkOptions, field: str) -> None:
    if addresses.bad and not (options.skip_invalid or options.dry_run):
        listed = [
            {"field": f"{field}.{bad['line'] - 1}", "message": bad["reason"], **bad} for bad in _as_json(addresses)
        ]
        more = _("; the first %(number)s are listed") % {"number": SHOWN} if len(addresses.bad) > SHOWN else ""
        message = f"{addresses.summary}{more}. {_('Nothing was started; skip_invalid goes on without them.')}"
        raise ApiError(422, "invalid", message, listed)
    if not addresses.urls and not options.dry_run:
        raise invalid(field, "hold no address that can be used.")
    if addresses.too_many:
        raise invalid(field, f"hold {len(addresses.urls):,} addresses; one run reads {MAX_URLS:,} at most.")


def _as_json(addresses: Addresses) -> list[dict[str, Any]]:
    return [{"line": bad.number, "text": bad.text, "reason": bad.reason} for bad in first_bad(addresses)]
