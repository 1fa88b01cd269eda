"""What a person sets about a topic besides its rules: name, schedule, and what they are told."""

from typing import Any

from django.db import transaction

from .models import Topic
from .models.topics import EVERY
from .sources.schedule import forget_due

SHORTEST, LONGEST = (validator.limit_value for validator in EVERY)
# What the page offers, in minutes.
RHYTHMS = (15, 30, 60, 120, 240, 480, 720, 1440, 2880, 10_080)
_UNITS = ((10_080, "week"), (1440, "day"), (60, "hour"), (1, "minute"))


class BadSetting(ValueError):
    """This cannot be set; `field` says what, the message why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def every_words(minutes: int | None) -> str:
    """`every 2 hours`; `every day`; what there is to say of no schedule."""
    if not minutes:
        return "only when somebody asks"
    size, unit = next((size, unit) for size, unit in _UNITS if minutes % size == 0)
    number = minutes // size
    return f"every {unit}" if number == 1 else f"every {number:,} {unit}s"


def change_settings(topic: Topic, **wanted: Any) -> None:
    """Write these columns of `topic`; what is None stays. `collect_every=0` is no schedule. Raises BadSetting."""
    changes = {name: value for name, value in wanted.items() if value is not None}
    if "name" in changes:
        changes["name"] = checked_name(topic, changes["name"])
    if "collect_every" in changes:
        changes["collect_every"] = changes["collect_every"] or None
        if changes["collect_every"] is not None and not SHORTEST <= changes["collect_every"] <= LONGEST:
            raise BadSetting("collect_every", f"must be 0, or from {SHORTEST} to {LONGEST:,} minutes.")
    if not changes:
        return
    with transaction.atomic():
        before = Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
        Topic.objects.filter(pk=topic.pk).update(**changes)
        if changes.get("collect_every", before.collect_every) != before.collect_every:
            # A new rhythm counts at once, not after the old one's pause.
            forget_due(list(topic.sources.filter(every=None).values_list("pk", flat=True)))


def checked_name(topic: Topic, name: str) -> str:
    """`name`, if the owner of `topic` has no other topic of it. Raises BadSetting."""
    trimmed = " ".join(name.replace("\x00", "").split())
    if not trimmed:
        raise BadSetting("name", "A topic needs a name.")
    if Topic.objects.filter(owner_id=topic.owner_id, name=trimmed).exclude(pk=topic.pk).exists():
        raise BadSetting("name", "You have a topic of this name already.")
    return trimmed
