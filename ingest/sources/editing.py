"""What people do with sources: the one place for pages, API and command line. Who may is asked before (access.py)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingest.jobs import start_collecting
from ingest.models import Source, Topic
from ingest.models.topics import EVERY
from ingest.reading.text import clip
from ingest.topic_settings import BadSetting, checked_rhythm
from live import audit
from live.numbers import grouped
from tasks.exceptions import AlreadyRunning

from .importing import MAX_SOURCES, is_known, refusal
from .schedule import forget_due

SHORTEST, LONGEST = (validator.limit_value for validator in EVERY)
RECORDED = 20  # addresses that an entry of the audit trail names
_KEPT = ("url", "title", "folder", "every", "is_paused")
# What a feed is remembered by; of another address it would be wrong.
_OF_THE_ADDRESS = {
    **dict.fromkeys(("etag", "last_modified", "failure", "last_error"), ""),
    **dict.fromkeys(("next_check_at", "due_at")),
    "failures": 0,
}


def add(topic: Topic, url: str, **given: Any) -> Source:
    """One more source of `topic`; `given` as in `change`. Raises BadSetting."""
    source = Source(topic=topic, url=checked_url(topic, url), **_checked(given))
    if topic.sources.count() >= MAX_SOURCES:
        raise BadSetting("url", _("A topic has %(most)s sources at most.") % {"most": grouped(MAX_SOURCES)})
    try:
        with transaction.atomic():
            source.save()
            audit.record("source.added", source, topic=topic.name)
    except IntegrityError:
        raise BadSetting("url", _("This topic reads that feed already.")) from None
    return source


def change(source: Source, **wanted: Any) -> Source:
    """Write these of `url`, `title`, `folder`, `every` (0: as its topic says) and `is_paused`; what is None stays.

    Raises BadSetting.
    """
    changes = _checked(wanted)
    url = wanted.get("url")
    if url is not None and url.strip() != source.url:
        changes |= {"url": checked_url(source.topic, url, except_for=source), **_OF_THE_ADDRESS}
    if changes:
        try:
            with audit.changing("source.changed", source, *_KEPT):
                Source.objects.filter(pk=source.pk).update(**changes)
        except IntegrityError:
            raise BadSetting("url", _("This topic reads that feed already.")) from None
    if changes.get("every", source.every) != source.every:
        # A new rhythm counts at once, not after the old one's pause.
        forget_due([source.pk])
    source.refresh_from_db()
    return source


def checked_url(topic: Topic, url: str, *, except_for: Source | None = None) -> str:
    """`url`, if it can be an address of one more source of `topic`. Raises BadSetting."""
    url = url.strip()
    why = refusal(url)
    if not why and is_known(topic, url, except_for=[] if except_for is None else [except_for.pk]):
        why = _("This topic reads that feed already.")
    if why:
        raise BadSetting("url", why)
    return url


def pause(sources: Sequence[Source]) -> str:
    """Read them no more until they are resumed."""
    with transaction.atomic():
        number = Source.objects.filter(pk__in=[one.pk for one in sources], is_paused=False).update(is_paused=True)
        _record("source.paused", sources, number)
    return ngettext("%(count)s source paused.", "%(count)s sources paused.", number) % {"count": grouped(number)}


def resume(sources: Sequence[Source]) -> str:
    """Read them again, at the next opportunity."""
    paused = Source.objects.filter(pk__in=[one.pk for one in sources], is_paused=True)
    with transaction.atomic():
        number = paused.update(is_paused=False, due_at=None, next_check_at=None)
        _record("source.resumed", sources, number)
    return ngettext("%(count)s source resumed.", "%(count)s sources resumed.", number) % {"count": grouped(number)}


def delete(sources: Sequence[Source]) -> str:
    """Forget them; their articles stay."""
    with transaction.atomic():
        _, per_model = Source.objects.filter(pk__in=[one.pk for one in sources]).delete()
        number = per_model.get(Source._meta.label, 0)
        _record("source.deleted", sources, number)
    said = ngettext(
        "%(count)s source removed. Their articles stay.", "%(count)s sources removed. Their articles stay.", number
    )
    return said % {"count": grouped(number)}


def read_now(sources: Sequence[Source]) -> str:
    """Read them at once, whatever their servers asked us to wait: one run for each topic. Paused ones stay paused."""
    by_topic: defaultdict[Topic, list[int]] = defaultdict(list)
    for source in sources:
        if not source.is_paused:
            by_topic[source.topic].append(source.pk)
    started, busy = 0, []
    for topic, ids in by_topic.items():
        try:
            with transaction.atomic():
                Source.objects.filter(pk__in=ids).update(next_check_at=None)
                start_collecting(topic.owner, topic, sources=ids)
            started += len(ids)
        except AlreadyRunning:
            busy.append(_("“%(topic)s” is being collected already.") % {"topic": topic.name})
    said = ngettext("%(count)s source on the way.", "%(count)s sources on the way.", started)
    return " ".join([said % {"count": grouped(started)}, *busy])


def _record(action: str, sources: Sequence[Source], number: int) -> None:
    """One entry however many they are, with the addresses of the first."""
    if number:
        urls, topics = [one.url for one in sources[:RECORDED]], sorted({one.topic_id for one in sources})
        audit.record(action, sources[0], number=number, addresses=urls, topics=topics)


def _checked(wanted: dict[str, Any]) -> dict[str, Any]:
    """The columns of what is given. Raises BadSetting."""
    changes: dict[str, Any] = {}
    for name, limit in (("title", 300), ("folder", 100)):
        if wanted.get(name) is not None:
            changes[name] = clip(str(wanted[name]), limit)
    if "folder" in changes:
        changes["folder"] = "/".join(filter(None, (part.strip() for part in changes["folder"].split("/"))))
    if wanted.get("every") is not None:
        changes["every"] = checked_rhythm("every", wanted["every"])
    if wanted.get("is_paused") is not None:
        changes["is_paused"] = bool(wanted["is_paused"])
    if wanted.get("site_url"):
        changes["site_url"] = "" if refusal(wanted["site_url"]) else wanted["site_url"]
    return changes
