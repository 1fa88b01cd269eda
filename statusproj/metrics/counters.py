"""What this process did since it began: runs, attempts, waiting, notifications. Registered where the client's own
figures of the process are (memory, CPU, open files), and where a project's own metrics are.

How many series there are is bounded: of labels that code elsewhere chooses, the first so many have a series of their
own, and the rest share `other`.
"""

from typing import Any

from prometheus_client import Counter, Histogram, disable_created_metrics

from tasks.models import TaskRun

disable_created_metrics()  # a second series for each counter, which nothing reads

MOST_NAMES = 100  # tasks, queues, types of notifications; each

DURATIONS = (0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400)  # seconds
WAITS = (0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800)

runs_enqueued = Counter("statusproj_runs_enqueued", "Runs stored and queued by this process.", ["task"])
attempts_started = Counter("statusproj_attempts_started", "Attempts begun by this worker.", ["task"])
runs_finished = Counter(
    "statusproj_runs_finished", "Runs whose end this process recorded: completed, failed, cancelled.", ["task", "state"]
)
run_duration = Histogram(
    "statusproj_run_duration_seconds", "How long the last attempt of an ended run took.", ["task"], buckets=DURATIONS
)
queue_wait = Histogram(
    "statusproj_queue_wait_seconds",
    "How long runs could have started before this worker took them up, first attempts only.",
    ["queue"],
    buckets=WAITS,
)
notifications_told = Counter("statusproj_notifications_told", "Notifications stored and told, by type.", ["type"])
deliveries = Counter(
    "statusproj_deliveries", "Letters and webhooks: sent, skipped, failed, postponed.", ["channel", "state"]
)

requests_refused = Counter(
    "statusproj_requests_refused", "Requests answered 429 because one account or address had asked too often.", ["kind"]
)


class Names:
    """At most MOST_NAMES values of a label; `other` for all that come later."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        """The value to use for `name`."""
        if name in self._known:
            return name
        if len(self._known) >= MOST_NAMES:
            return "other"
        self._known.add(name)
        return name


_task, _queue, _type = Names(), Names(), Names()


def enqueued(run: TaskRun) -> None:
    """A run was stored and queued."""
    runs_enqueued.labels(_task(run.task)).inc()


def started(run: TaskRun) -> None:
    """An attempt has begun."""
    attempts_started.labels(_task(run.task)).inc()


def finished(run: TaskRun) -> None:
    """A run has ended for good. One that was cancelled before it started took no time."""
    task = _task(run.task)
    runs_finished.labels(task, str(run.status)).inc()
    if run.started_at is not None and run.completed_at is not None:
        run_duration.labels(task).observe(max(0.0, (run.completed_at - run.started_at).total_seconds()))


def waited(queue: str, seconds: float) -> None:
    """A worker has taken up a run that could have started `seconds` ago."""
    queue_wait.labels(_queue(queue)).observe(max(0.0, seconds))


def told(**of: Any) -> None:
    """A notification was told."""
    notifications_told.labels(_type(of["type"])).inc()


def refused(kind: str) -> None:
    """A request was refused because there had been too many of the kind."""
    requests_refused.labels(kind).inc()


def delivered(channel: str, state: str, number: int) -> None:
    """Deliveries have moved."""
    deliveries.labels(channel, state).inc(number)
