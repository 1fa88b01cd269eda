"""How runs ended in the last 24 hours, and how long they took: at the same cost however many there were."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from . import access, counts
from .access import Viewer
from .models import RunHour
from .models.history import STEPS_PER_DOUBLING
from .states import Status

HOURS = 24  # that are shown, the current one among them
KEPT = timedelta(hours=2 * HOURS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hour:
    """What ended in one hour. `start`: its beginning. `steps`: completed runs by the step of their duration."""

    start: datetime
    ended: Mapping[str, int]
    steps: Mapping[int, int] = field(default_factory=dict)

    def seconds(self, share: float) -> float | None:
        """How long the completed runs took that were faster than all but this share: .5 is the median. Within 9 %.

        None when none has completed.
        """
        total = sum(self.steps.values())
        reached = 0
        for step in sorted(self.steps):
            reached += self.steps[step]
            if reached >= share * total:
                return float(2 ** (step / STEPS_PER_DOUBLING))
        return None


def last_hours(viewer: Viewer, now: datetime | None = None) -> list[Hour]:
    """The last 24 hours, oldest first: of everybody's runs for whoever sees them, else of the viewer's. One query."""
    this_hour = (now or timezone.now()).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    starts = [this_hour - timedelta(hours=back) for back in reversed(range(HOURS))]
    owner = None if access.sees_everything(viewer) else viewer
    ended: dict[datetime, Counter[str]] = {start: Counter() for start in starts}
    steps: dict[datetime, Counter[int]] = {start: Counter() for start in starts}
    for hour, status, step, number in RunHour.objects.of(owner).ended_since(starts[0]):
        start = hour.astimezone(UTC)
        if start in ended:  # not what a clock that is ahead has written
            ended[start][status] += number
            if step is not None and status == Status.COMPLETED:
                steps[start][step] += number
    return [Hour(start=start, ended=ended[start], steps=steps[start]) for start in starts]


def sum_up(*, enough: int = counts.ENOUGH) -> bool:
    """Make few rows of many once there are `enough`, and forget what no chart shows. False when there are not."""
    if not counts.HOURS.sum_up(enough=enough):
        return False
    RunHour.objects.filter(hour__lt=timezone.now() - KEPT).delete()
    return True
