"""What reading a source came to, written down with it: how it went, and when to come back."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from ingest.models import Source
from ingest.text import clip


def note_success(source: Source, *, title: str = "", etag: str = "", last_modified: str = "") -> None:
    """The source was read. A feed names its source only where no person has."""
    changes: dict[str, Any] = {"etag": etag, "last_modified": last_modified}
    if title and not source.title:
        changes["title"] = title
    _note(source, failures=0, last_error="", next_check_at=None, **changes)


def note_unchanged(source: Source) -> None:
    """The source answered that nothing is new: that is success, too."""
    _note(source, failures=0, last_error="", next_check_at=None)


def note_failure(source: Source, message: str, retry_after: float | None = None) -> None:
    """The source could not be read; it is left alone for a while, longer each time."""
    failures = source.failures + 1
    pause = pause_after(failures, retry_after)
    _note(source, failures=failures, last_error=clip(message, 500), next_check_at=timezone.now() + pause)


def pause_after(failures: int, retry_after: float | None = None) -> timedelta:
    """How long to leave a source alone after `failures` in a row: 5 minutes, doubling up to a day, or what it
    asks for.

    Nothing is left alone for more than a week: a source is never given up.
    """
    wait = timedelta(minutes=5) * 2 ** min(failures - 1, 9)
    asked = timedelta(seconds=min(retry_after or 0.0, 604_800))
    return max(min(wait, timedelta(days=1)), asked)


def _note(source: Source, **changes: Any) -> None:
    Source.objects.filter(pk=source.pk).update(last_checked_at=timezone.now(), **changes)
