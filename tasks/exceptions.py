"""What can go wrong with runs, and who hears of it.

* Exception
  * TaskManagerError
    * TransitionRefused    no arrow leads there from where the run stands, or somebody else was first
    * AlreadyRunning       a run with the same unique key is waiting or running
    * NoPlaceFree          as many runs of a concurrency key are running as may
    * CannotRetry          only a failed or cancelled run can be run again
    * BadSchedule          a schedule cannot be as it was asked for; says which field, and why
    * UnknownQueue         there is no queue of that name
    * BadFilter            what runs were asked for cannot be understood; says which part, and why
    * NumberChanged        not as many runs match as the asker was told
    * ChildDied            the process of an isolated function ended without an answer
  * DoNotRetry             raised by a task function: this failure is for good, whatever attempts are left
* BaseException
  * RunStopped             raised inside a task function at its next progress call; not for `except Exception`
"""

from collections.abc import Mapping
from uuid import UUID

from django.utils.translation import gettext as _

from live.numbers import grouped


class TaskManagerError(Exception):
    """The task manager cannot do what was asked. Its text may be shown to the person who asked."""


class TransitionRefused(TaskManagerError):
    """The run did not move: it has ended, or another process got there first."""

    def __init__(self, run_id: UUID, target: str) -> None:
        super().__init__(
            _("This run can no longer become %(target)s: it has moved on since. Reload it to see how it ended.")
            % {"target": target}
        )
        self.run_id = run_id
        self.target = target


class AlreadyRunning(TaskManagerError):
    """A run with this unique key is live; `run_id` names it."""

    def __init__(self, run_id: UUID, key: str) -> None:
        super().__init__(
            _("This is being done already, by run %(run)s. Wait for it to end, or cancel it first.") % {"run": run_id}
        )
        self.run_id = run_id
        self.key = key


class NoPlaceFree(TaskManagerError):
    """As many runs that share this concurrency key are running as may; the run waits on."""

    def __init__(self, key: str) -> None:
        super().__init__(f"No place is free: as many runs of {key!r} are running as may at once.")
        self.key = key


class CannotRetry(TaskManagerError):
    """The run is not one that can be run again."""


class BadSchedule(TaskManagerError):
    """A schedule cannot be so. `field` names what is wrong: name, task, kwargs, cron, interval, zone or owner."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class UnknownQueue(TaskManagerError):
    """No task uses a queue of this name, and no run waits in one."""

    def __init__(self, name: str, known: list[str]) -> None:
        words = _("There is no queue %(name)s. There is: %(known)s.")
        super().__init__(words % {"name": repr(name), "known": ", ".join(known)})
        self.name = name


class BadFilter(TaskManagerError):
    """Nothing was done, because a part of the filter cannot be used. `wrong`: each such part, and why."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{key}: {sentence}" for key, sentence in wrong.items()))
        self.wrong = dict(wrong)


class NumberChanged(TaskManagerError):
    """Nothing was done, because `actual` runs match instead of the `expected` ones that the asker agreed to."""

    def __init__(self, expected: int, actual: int) -> None:
        words = _("%(actual)s runs match now, not %(expected)s. Look again before you go on.")
        super().__init__(words % {"actual": grouped(actual), "expected": grouped(expected)})
        self.expected = expected
        self.actual = actual


class ChildDied(TaskManagerError):
    """The child process of an `isolate=True` function was killed or crashed."""


class DoNotRetry(Exception):
    """For task functions to raise: trying again would change nothing. The run fails at once; its text is the reason."""


class RunStopped(BaseException):
    """The run was asked to stop (cancel, timeout, shutdown, lost to another worker)."""
