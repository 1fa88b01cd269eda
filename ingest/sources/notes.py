"""What reading a source came to, written down with it: how it went, and when to come back."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils import timezone

from ingest.decisions import Failure
from ingest.fetching.feeds import Feed
from ingest.fetching.fetch import Fetched
from ingest.models import Source
from ingest.reading.text import clip

from .importing import is_known, refusal

LONGEST = timedelta(days=1)
_WELL: dict[str, Any] = {"failures": 0, "failure": "", "last_error": "", "next_check_at": None}


def note_success(source: Source, fetched: Fetched, feed: Feed, *, new: int) -> None:
    """The source was read, and had `new` entries. A feed names its source only where no person has."""
    changes: dict[str, Any] = {"etag": fetched.etag, "last_modified": fetched.last_modified}
    if feed.title and not source.title:
        changes["title"] = feed.title
    if feed.site_url and feed.site_url != source.site_url and not refusal(feed.site_url):
        changes["site_url"] = feed.site_url
    if new:
        changes["last_new_at"] = timezone.now()
    _note(source, **_WELL, **changes)
    if fetched.moved_to:
        _move(source, fetched.moved_to)


def note_unchanged(source: Source) -> None:
    """The source answered that nothing is new: that is success, too."""
    _note(source, **_WELL)


def note_failure(source: Source, error: Exception) -> None:
    """The source could not be read, for a FetchError, AnalysisError or NotAFeed; it is left alone for a while."""
    failures = source.failures + 1
    code = getattr(error, "code", Failure.NOT_A_FEED)
    pause = pause_after(failures, getattr(error, "retry_after", None))
    if code == Failure.GONE:
        # Servers have been wrong about that, too: it is asked again, but not soon.
        pause = max(pause, LONGEST)
    _note(
        source,
        failures=failures,
        failure=code,
        last_error=clip(str(error), 500),
        next_check_at=timezone.now() + pause,
    )


def pause_after(failures: int, retry_after: float | None = None) -> timedelta:
    """How long to leave a source alone after `failures` in a row: 5 minutes, doubling up to a day, or what it
    asks for.

    Nothing is left alone for more than a week: a source is never given up.
    """
    wait = timedelta(minutes=5) * 2 ** min(failures - 1, 9)
    asked = timedelta(seconds=min(retry_after or 0.0, 604_800))
    return max(min(wait, LONGEST), asked)


def may_move(old: str, new: str) -> bool:
    """Is `new` an address that a feed may have moved to for good? Not from https to http, where anybody on the way may
    say so, and not to the front of a site: that is where those lead who have nothing better to say.
    """
    before, after = urlsplit(old), urlsplit(new)
    is_worse = before.scheme == "https" and after.scheme != "https"
    is_front = after.path in {"", "/"} and not after.query and before.path not in {"", "/"}
    return not (is_worse or is_front or refusal(new))


def _move(source: Source, url: str) -> None:
    """Read it from `url` from now on. A topic that reads that one already keeps both: a person decides."""
    if not may_move(source.url, url) or is_known(source.topic, url, except_for=[source.pk]):
        return
    try:
        with transaction.atomic():
            Source.objects.filter(pk=source.pk, url=source.url).update(url=url)
    except IntegrityError:
        return  # somebody has just added it


def _note(source: Source, **changes: Any) -> None:
    Source.objects.filter(pk=source.pk).update(last_checked_at=timezone.now(), **changes)
