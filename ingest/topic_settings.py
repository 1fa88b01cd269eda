"""What a person sets about a topic besides its rules: name, schedule, and what they are told."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from live import audit
from live.numbers import grouped

from .models import Topic
from .models.topics import EVERY
from .sources.schedule import forget_due

SHORTEST, LONGEST = (validator.limit_value for validator in EVERY)
# What the page offers, in minutes.
RHYTHMS = (15, 30, 60, 120, 240, 480, 720, 1440, 2880, 10_080)
# What a rhythm is called, by the minutes of its unit.
_EVERY: tuple[tuple[int, Callable[[int], str]], ...] = (
    (10_080, lambda n: ngettext("every week", "every %(count)s weeks", n)),
    (1440, lambda n: ngettext("every day", "every %(count)s days", n)),
    (60, lambda n: ngettext("every hour", "every %(count)s hours", n)),
    (1, lambda n: ngettext("every minute", "every %(count)s minutes", n)),
)


class BadSetting(ValueError):
    """This cannot be set; `field` says what, the message why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def every_words(minutes: int | None) -> str:
    """`every 2 hours`; `every day`; what there is to say of no schedule."""
    if not minutes:
        return _("only when somebody asks")
    size, every = next((size, every) for size, every in _EVERY if minutes % size == 0)
    number = minutes // size
    return every(number) % {"count": grouped(number)}


def checked_rhythm(field: str, minutes: int) -> int | None:
    """`minutes` between two readings; None for 0, which is no schedule of its own. Raises BadSetting for `field`."""
    if minutes and not SHORTEST <= minutes <= LONGEST:
        said = _("must be 0, or from %(shortest)s to %(longest)s minutes.")
        raise BadSetting(field, said % {"shortest": SHORTEST, "longest": grouped(LONGEST)})
    return minutes or None


def change_settings(topic: Topic, **wanted: Any) -> None:
    """Write these columns of `topic`; what is None stays. `collect_every=0` is no schedule. Raises BadSetting."""
    changes = {name: value for name, value in wanted.items() if value is not None}
    if "name" in changes:
        changes["name"] = checked_name(topic, changes["name"])
    if "collect_every" in changes:
        changes["collect_every"] = checked_rhythm("collect_every", changes["collect_every"])
    if not changes:
        return
    with audit.changing("topic.changed", topic, *changes):
        before = Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
        Topic.objects.filter(pk=topic.pk).update(**changes)
        if changes.get("collect_every", before.collect_every) != before.collect_every:
            # A new rhythm counts at once, not after the old one's pause.
            forget_due(list(topic.sources.filter(every=None).values_list("pk", flat=True)))


def checked_name(topic: Topic, name: str) -> str:
    """`name`, if the owner of `topic` has no other topic of it. Raises BadSetting."""
    trimmed = " ".join(name.replace("\x00", "").split())
    if not trimmed:
        raise BadSetting("name", _("A topic needs a name."))
    if Topic.objects.filter(owner_id=topic.owner_id, name=trimmed).exclude(pk=topic.pk).exists():
        raise BadSetting("name", _("You have a topic of this name already."))
    return trimmed
