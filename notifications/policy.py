"""When a person hears of what, by which channel. Pure: no database, no clock of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .types import CHOICES, Channel, NotificationType, When, type_named

type Chosen = Mapping[str, Mapping[str, str]]  # type name → channel → when


@dataclass(frozen=True, kw_only=True, slots=True)
class Habits:
    """What one person has said about being told. `quiet_from` and `quiet_until` are both set or both None."""

    chosen: Chosen = field(default_factory=dict)
    time_zone: str = "UTC"
    quiet_from: time | None = None
    quiet_until: time | None = None
    daily_at: int = 8  # the hour of the daily letter, on the person's own clock


def when_to_tell(type: str, channel: Channel, habits: Habits) -> When:
    """How soon news of `type` goes out by `channel`: as chosen for it, else for everything else, else by default."""
    kind = type_named(type)
    if kind.is_required and channel == Channel.IN_APP:
        return When.AT_ONCE
    for name in dict.fromkeys((kind.name, "")):
        chosen = habits.chosen.get(name, {}).get(channel)
        if chosen in CHOICES[channel]:
            return When(chosen)
    return kind.defaults.get(channel, When.NEVER)


def due_at(when: When, kind: NotificationType, habits: Habits, now: datetime) -> datetime | None:
    """When it is to go out, in UTC; None for never. What falls into quiet hours waits for their end."""
    if when == When.NEVER:
        return None
    zone = ZoneInfo(habits.time_zone)
    local = now.astimezone(zone)
    moment = now
    if when == When.HOURLY:
        moment = (now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    elif when == When.DAILY:
        today = local.replace(hour=habits.daily_at, minute=0, second=0, microsecond=0, fold=0)
        moment = today if today > local else _on_the_wall(local, days=1, hour=habits.daily_at)
    if not kind.is_required:
        moment = _after_quiet_hours(moment, habits, zone)
    return moment.astimezone(UTC)


def _after_quiet_hours(moment: datetime, habits: Habits, zone: ZoneInfo) -> datetime:
    if habits.quiet_from is None or habits.quiet_until is None or habits.quiet_from == habits.quiet_until:
        return moment
    local = moment.astimezone(zone)
    clock = local.time()
    start, end = habits.quiet_from, habits.quiet_until
    over_midnight = start > end
    is_quiet = (clock >= start or clock < end) if over_midnight else start <= clock < end
    if not is_quiet:
        return moment
    days = 1 if over_midnight and clock >= start else 0
    return _on_the_wall(local, days=days, hour=end.hour, minute=end.minute)


def _on_the_wall(local: datetime, *, days: int, hour: int, minute: int = 0) -> datetime:
    """So many days later, when the clock on the wall shows that time: a day may have 23 hours."""
    return (local + timedelta(days=days)).replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
