"""/metrics: what Prometheus reads, who may, and what it costs."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from live.sinks import Backlog, Outgoing
from live.traffic import TRAFFIC
from notifications import facade
from statusproj.metrics import database
from statusproj.metrics.counters import MOST_NAMES, Names
from statusproj.metrics.exposition import database_figures
from tasks import lifecycle
from tasks.models import TaskRun
from tasks.states import FINAL
from tests.documented import rows
from tests.tasks import functions
from tests.tasks.runs import ADD, make_run, make_run_in
from tests.waiting import eventually
from tests.workers import WorkerThread

TOKEN = "a-token-of-this-test"

type Read = Callable[..., float]


@pytest.fixture(autouse=True)
def token(settings: Settings) -> Iterator[None]:
    """A token, and nothing remembered of another test."""
    settings.METRICS_TOKEN = TOKEN
    database_figures.forget()
    yield
    database_figures.forget()


def scrape(client: Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels, as Prometheus' own parser reads them."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def read(client: Client) -> Read:
    """`read(name, label=value, …)`: what a fresh scrape says; 0 for what is not there."""

    def value(name: str, **labels: str) -> float:
        database_figures.forget()
        return scrape(client).get((f"statusproj_{name}", frozenset(labels.items())), 0.0)

    return value


def test_only_staff_and_whoever_brings_the_token_may_read(
    client: Client, owner: User, staff: User, client_of: Callable[[User], Client], settings: Settings
) -> None:
    assert client.get("/metrics").status_code == 401
    for wrong in ("Bearer nonsense", f"Basic {TOKEN}", "Bearer ", "Bearer"):
        refused = client.get("/metrics", headers={"Authorization": wrong})
        assert (refused.status_code, refused["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
    assert client_of(owner).get("/metrics").status_code == 403
    assert b"statusproj_runs" in client_of(staff).get("/metrics").content
    assert client_of(staff).post("/metrics").status_code == 405
    settings.METRICS_TOKEN = ""
    for header in ("Bearer ", "Bearer", f"Bearer {TOKEN}"):
        assert client.get("/metrics", headers={"Authorization": header}).status_code == 401


def test_prometheus_asks_by_address_and_over_plain_http(db: None, client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    headers = {"host": "10.0.0.7:8000", "Authorization": f"Bearer {TOKEN}"}
    assert client.get("/metrics", headers=headers).status_code == 200


def test_a_run_is_counted_from_enqueueing_to_its_end(worker: WorkerThread, owner: User, read: Read) -> None:
    names = {
        "runs_enqueued_total": {"task": ADD},
        "attempts_started_total": {"task": ADD},
        "runs_finished_total": {"task": ADD, "state": "completed"},
        "run_duration_seconds_count": {"task": ADD},
        "queue_wait_seconds_count": {"queue": "default"},
        "notifications_told_total": {"type": "task_completed"},
        "runs": {"state": "completed"},
        "runs_ended_last_day": {"state": "completed"},
    }
    before = {name: read(name, **labels) for name, labels in names.items()}
    result = functions.add.using(owner=owner).enqueue(1, 2)
    eventually(lambda: TaskRun.objects.filter(pk=result.id, status__in=FINAL).exists())
    for name, labels in names.items():
        eventually(lambda name=name, labels=labels: read(name, **labels) == before[name] + 1, what=name)  # type: ignore[misc]
    assert (read("workers"), read("worker_places")) == (1, 3)
    assert read("run_duration_last_day_seconds", quantile="0.5") > 0


def test_what_waits_is_said_by_queue_and_task(db: None, owner: User, read: Read) -> None:
    for _ in range(3):
        make_run(owner)
    make_run_in("running", owner)
    assert read("queue_runs", queue="default", state="pending") == 3
    assert read("queue_runs", queue="default", state="running") == 1
    assert read("live_runs_of_task", task=ADD, state="pending") == 3
    assert read("runs", state="pending") == 3
    assert read("oldest_pending_seconds") > 0
    assert read("articles", decision="approved") == 0


@pytest.mark.django_db(transaction=True)
def test_a_run_cancelled_while_it_waited_is_an_end_without_a_duration(
    engine_tables: None, owner: User, read: Read
) -> None:
    before = read("runs_finished_total", task=ADD, state="cancelled"), read("run_duration_seconds_count", task=ADD)
    lifecycle.cancel(make_run(owner))
    after = read("runs_finished_total", task=ADD, state="cancelled"), read("run_duration_seconds_count", task=ADD)
    assert after == (before[0] + 1, before[1])


def test_what_it_asks_of_the_database_does_not_grow_and_is_asked_once_in_a_while(
    db: None, client: Client, owner: User
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            scrape(client)
        return len(asked)

    make_run(owner)
    few = queries()
    assert queries() == 0  # a second look within five seconds
    for state in ("pending", "completed", "failed", "running"):
        make_run_in(state, owner)
    facade.create_notification(username="owner", type="x", title="t", message="m")
    database_figures.forget()
    assert queries() == few


@pytest.mark.django_db
def test_without_the_database_the_process_still_speaks_of_itself(client: Client, read: Read) -> None:
    def refuse(*args: object) -> None:
        raise OperationalError("connection refused")

    with connection.execute_wrapper(refuse):
        samples = scrape(client)
    assert samples["statusproj_database_up", frozenset()] == 0
    assert ("statusproj_sockets", frozenset()) in samples
    assert ("process_resident_memory_bytes", frozenset()) in samples
    assert ("statusproj_workers", frozenset()) not in samples


@pytest.mark.django_db
def test_a_part_that_takes_too_long_is_left_out_and_the_rest_is_told(
    monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    def endless(now: object) -> Iterator[database.Metric]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(10)")
        yield database.family("never", "", [], [])

    monkeypatch.setattr(database, "READ_WITHIN", 0.05)
    monkeypatch.setattr(database, "PARTS", (endless, database._workers))
    samples = scrape(client)
    assert samples["statusproj_database_parts_failed", frozenset()] == 1
    assert samples["statusproj_workers", frozenset()] == 0


def test_reading_that_takes_long_is_done_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    figures = database.DatabaseFigures()
    reads: list[float] = []

    def slow() -> list[database.Metric]:
        reads.append(clock[0])
        clock[0] += 2.0
        return []

    monkeypatch.setattr(database.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(figures, "_read", slow)
    for _ in range(100):
        list(figures.collect())
        clock[0] += 1.0
    # Two seconds of reading, so forty of rest: a twentieth of the time.
    assert len(reads) == 3


def test_names_that_code_elsewhere_chooses_make_a_bounded_number_of_series() -> None:
    bounded = Names()
    seen = {bounded(f"task {number}") for number in range(10 * MOST_NAMES)}
    assert len(seen) == MOST_NAMES + 1 and "other" in seen
    assert bounded("task 0") == "task 0"


def test_progress_that_newer_progress_replaces_is_counted_as_such() -> None:
    def progress(seq: int) -> Outgoing:
        return Outgoing({"type": "job_update", "status": "progress", "job_id": "a", "seq": seq})

    before, backlog = TRAFFIC.superseded, Backlog()
    for seq in range(5):
        backlog.add(progress(seq))
    assert (TRAFFIC.superseded - before, len(backlog)) == (4, 1)


def test_every_metric_is_documented_and_no_other(db: None, client: Client, owner: User) -> None:
    make_run_in("completed", owner)
    told = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(
            client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
        )
        if family.name.startswith("statusproj_")
    }
    assert told == {row[0] for row in rows("docs/observability.md", "metric")}
