"""Settings of this room and what holds where a project says nothing."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from live.conf import Setting


class Conf:
    """What a project may set about runs and workers."""

    TASKS_MAX_CONCURRENT = Setting(3)  # runs at once per worker
    TASKS_GRACE_PERIOD = Setting(timedelta(seconds=5))  # for runs to end when their worker is told to stop
    TASKS_KEEP_HOURS = Setting(168.0)  # runs that have ended
    TASKS_KEEP: Setting[Mapping[str, float]] = Setting({})  # the same for tasks of their own mind, by dotted path
    # Between two signs of life of a worker, and until a silent one is presumed dead. The same for all workers: each
    # judges the others by it.
    TASKS_HEARTBEAT_SECONDS = Setting(2.0)
    TASKS_DEAD_AFTER_SECONDS = Setting(8.0)
    # Longer than a deploy takes: until then runs of a task that a worker does not know are left to one that does.
    TASKS_UNKNOWN_SECONDS = Setting(900.0)
    # Further names whose values are shown to nobody, beside those of secret_names.py: regular expressions.
    TASKS_REDACT: Setting[Sequence[str]] = Setting(())
    TASKS_PRELOAD: Setting[Sequence[str]] = Setting(())  # modules that child processes find loaded
    # Tasks that schedules may start, each with the function that starts it, or "" for plain enqueueing.
    TASKS_SCHEDULABLE: Setting[Mapping[str, str]] = Setting({})
    # Functions that every worker calls every so many seconds: each sees for itself whether something is due.
    TASKS_CLOCKS: Setting[Mapping[str, float]] = Setting({})


conf = Conf()
