"""How everything stands, from the database: the same from each process that is asked.

It is read at most every few seconds, and the longer it takes the more rarely: no more than a twentieth of the time is
spent on it, whatever is asked how often. What cannot be read within READ_WITHIN is left out, the rest is told.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from django.db import Error as DatabaseError
from django.db import connection, transaction
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ingest import figures as ingest
from notifications import figures as notifications
from tasks import figures as tasks
from tasks import lines, workers
from tasks.db import database_now

logger = logging.getLogger(__name__)

KEPT = 5.0  # seconds that figures stay good
SHARE = 0.05  # of the time that may be spent on reading
READ_WITHIN = 3.0  # seconds for a query
MOST_NAMES = 50  # tasks and queues with series of their own
QUANTILES = (0.5, 0.95, 0.99)
LATELY = timedelta(hours=1)

type Value = tuple[tuple[str, ...], float]


def family(name: str, help_text: str, labels: Iterable[str], values: Iterable[Value]) -> Metric:
    """A gauge of ours with a value for each combination of its labels."""
    made = GaugeMetricFamily(f"statusproj_{name}", help_text, labels=list(labels))
    for label_values, value in values:
        made.add_metric(list(label_values), value)
    return made


def _runs(now: datetime) -> Iterator[Metric]:
    counted = tasks.by_status()
    yield family("runs", "Runs that are kept, by state.", ["state"], [((state,), n) for state, n in counted.items()])


def _live(now: datetime) -> Iterator[Metric]:
    live = [((task, status), number) for task, status, number in tasks.live_by_task(MOST_NAMES)]
    yield family("live_runs_of_task", "Waiting and running runs, of the most frequent tasks.", ["task", "state"], live)


def _queues(now: datetime) -> Iterator[Metric]:
    seen = lines.look(now)
    longest = sorted(seen.lines.items(), key=lambda one: -one[1].waiting)[:MOST_NAMES]
    waiting = [((name, "pending"), line.waiting) for name, line in longest]
    running = [((name, "running"), line.running) for name, line in longest]
    yield family("queue_runs", "Waiting and running runs, by queue.", ["queue", "state"], waiting + running)
    since = [((name,), line.ready_since) for name, line in longest if name not in seen.paused]
    ages = [(name, max(0.0, (now - ready).total_seconds())) for name, ready in since if ready is not None]
    yield family(
        "queue_oldest_seconds", "How long the run waits that has waited longest and could start.", ["queue"], ages
    )
    oldest = max((age for _, age in ages), default=0.0)
    yield family("oldest_pending_seconds", "The same of all queues that are not paused; 0 if none.", [], [((), oldest)])
    paused = sorted(seen.paused)[:MOST_NAMES]
    yield family("queue_paused", "1 for each queue that is paused.", ["queue"], [((name,), 1) for name in paused])


def _workers(now: datetime) -> Iterator[Metric]:
    there = workers.overview()
    yield family("workers", "Workers that were heard of lately.", [], [((), len(there))])
    yield family("worker_places", "Runs they take at once.", [], [((), sum(one.concurrency for one in there))])
    restarts = sum(one.restarts for one in there)
    yield family("worker_restarts", "Times a part of these workers had to be started again.", [], [((), restarts)])


def _day(now: datetime) -> Iterator[Metric]:
    day = tasks.last_day(now)
    ended = [((state,), number) for state, number in sorted(day.ended.items())]
    yield family("runs_ended_last_day", "Runs that ended in the last 24 hours.", ["state"], ended)
    found = [(share, day.seconds(share)) for share in QUANTILES]
    durations = [((f"{share:g}",), seconds) for share, seconds in found if seconds is not None]
    text = "Durations of completed runs of the last 24 hours, within 9 %."
    yield family("run_duration_last_day_seconds", text, ["quantile"], durations)


def _deliveries(now: datetime) -> Iterator[Metric]:
    waiting = [((channel,), number) for channel, number in notifications.waiting_deliveries().items()]
    yield family("deliveries_waiting", "Letters and webhooks that wait.", ["channel"], waiting)
    ended = [((channel, state), number) for channel, state, number in notifications.ended_deliveries(LATELY)]
    text = "Letters and webhooks that ended within an hour."
    yield family("deliveries_ended_last_hour", text, ["channel", "state"], ended)


def _ingest(now: datetime) -> Iterator[Metric]:
    decided = [((decision,), number) for decision, number in ingest.articles_by_decision().items()]
    yield family("articles", "Articles that are kept, by decision.", ["decision"], decided)
    sources = [((health,), number) for health, number in ingest.sources_by_health().items()]
    yield family("sources", "Sources, by how their last readings went.", ["health"], sources)


PARTS: tuple[Callable[[datetime], Iterator[Metric]], ...] = (
    _runs, _live, _queues, _workers, _day, _deliveries, _ingest,
)  # fmt: skip


class DatabaseFigures(Collector):
    """Asks each part, and keeps what they said for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[Metric] = []
        self._good_until = 0.0

    def collect(self) -> Iterator[Metric]:
        """All families; those of parts that could not be read are left out."""
        with self._lock:  # of many that ask at once, one reads
            if time.monotonic() >= self._good_until:
                began = time.monotonic()
                self._kept = self._read()
                ended = time.monotonic()
                self._good_until = ended + max(KEPT, (ended - began) / SHARE)
            kept = self._kept
        yield from kept

    def forget(self) -> None:
        """Read anew when asked next."""
        self._good_until = 0.0

    def _read(self) -> list[Metric]:
        began = time.monotonic()
        found: list[Metric] = []
        failed = 0
        try:
            now = database_now()
        except DatabaseError as trouble:
            logger.warning("Metrics: the database is away (%r)", trouble)
            return [family("database_up", "Does the database answer?", [], [((), 0)])]
        for part in PARTS:
            try:
                with transaction.atomic():
                    with connection.cursor() as cursor:
                        cursor.execute(
                            "SELECT set_config('statement_timeout', %s, true)", [f"{READ_WITHIN * 1000:.0f}"]
                        )
                    found += part(now)
            except DatabaseError as trouble:
                failed += 1
                logger.warning("Metrics: %s could not be read (%r)", part.__name__.strip("_"), trouble)
        took = time.monotonic() - began
        return [
            family("database_up", "Does the database answer?", [], [((), 1)]),
            family("database_parts_failed", "Parts of these figures that could not be read.", [], [((), failed)]),
            family("database_read_seconds", "How long reading these figures took.", [], [((), took)]),
            *found,
        ]
