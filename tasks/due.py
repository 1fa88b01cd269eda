"""When a schedule is due next. Pure: no database, no clock of its own.

A cron line is read on the wall clock of its zone. When the clock is put forward, a fixed hour that does not exist is
due as much later as the clock jumped (02:30 becomes 03:30), never lost. When it is put back, a fixed hour that comes
twice is due once, the first time. Lines whose hour begins with `*` follow real time through both.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from croniter import croniter
from croniter.croniter import CroniterError
from django.utils.translation import gettext as _

# Longer than any change of clocks that a zone makes within a day.
_NEAR = timedelta(hours=3)
FIELDS = 5


def next_cron(cron: str, zone: str, after: datetime) -> datetime:
    """The first instant later than `after` (aware) at which `cron` is due in `zone`, in UTC.

    Raises ValueError for a line that cannot be read or is never due, and for a zone that is not known.
    """
    tz = _zone(zone)
    every_hour = check_cron(cron).split()[1].startswith("*")
    changing = (after - _NEAR).astimezone(tz).utcoffset() != (after + _NEAR).astimezone(tz).utcoffset()
    best: datetime | None = None
    for wall in _walls(cron, _wall(after - _NEAR if changing else after, tz)):
        # Around a change of clocks the order on the wall is not the order in time: look a little further.
        if best is not None and (not changing or wall - _wall(best, tz) > _NEAR):
            break
        later = [instant for instant in _instants(wall, tz, every_hour=every_hour) if instant > after]
        best = min([*later, best] if best else later, default=None)
    if best is None:
        raise ValueError(_("This line is never due."))
    return best


def next_interval(previous: datetime, interval: timedelta, now: datetime) -> datetime:
    """The first of `previous` + 1, 2, 3 … times `interval` that is later than `now`: no drift."""
    if interval <= timedelta():
        raise ValueError("An interval must be longer than zero.")
    missed = max(0, (now - previous) // interval)
    return previous + interval * (missed + 1)


def check_cron(cron: str) -> str:
    """`cron` with single spaces. Raises ValueError, in words for people, when it is no line of five fields."""
    fields = cron.split()
    if len(fields) != FIELDS:
        raise ValueError(_("A cron line has five fields: minute, hour, day, month, weekday."))
    # The library also knows fields drawn at random: those would be due at another time in each process.
    if any(field[:1].lower() in {"h", "r"} for field in fields):
        raise ValueError(_("Fields that are drawn at random (H, R) are not supported."))
    line = " ".join(fields)
    _check_due(line)
    return line


@lru_cache(maxsize=1024)
def _check_due(line: str) -> None:
    try:
        croniter(line, datetime(2024, 1, 1)).get_next(datetime)  # noqa: DTZ001 - a wall clock has no zone
    except (CroniterError, ValueError, KeyError, TypeError) as error:
        raise ValueError(_("This cron line cannot be used: %(error)s.") % {"error": error}) from None


def check_zone(zone: str) -> str:
    """`zone`, if it is one of the time zone database (`Europe/Berlin`). Raises ValueError."""
    _zone(zone)
    return zone


def _zone(zone: str) -> ZoneInfo:
    if zone not in _zones():
        words = _("There is no time zone %(zone)s. They are named like Europe/Berlin or UTC.")
        raise ValueError(words % {"zone": repr(zone)})
    return ZoneInfo(zone)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _walls(cron: str, after: datetime) -> Iterator[datetime]:
    times = croniter(cron, after)
    try:
        while True:
            yield times.get_next(datetime)
    except CroniterError:
        return


def _wall(instant: datetime, tz: ZoneInfo) -> datetime:
    return instant.astimezone(tz).replace(tzinfo=None)


def _instants(wall: datetime, tz: ZoneInfo, *, every_hour: bool) -> list[datetime]:
    """The instants, in UTC, at which the wall clock shows `wall`: one, or at a change of clocks none or two."""
    first = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=tz, fold=1).astimezone(UTC)
    if first == second:
        return [first]
    exists = _wall(first, tz) == wall
    if every_hour:
        return [first, second] if exists else []
    return [first]
