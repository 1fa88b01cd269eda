"""OpenTelemetry: one trace from the request over the enqueued run to its last attempt, through real processes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from live import tracing
from statusproj.tracing import configure
from tasks import correlation, lifecycle
from tasks.models import TaskRun
from tasks.states import FINAL
from tests.collector import Collector, collector
from tests.live.sockets import session_of
from tests.servers import ROOT, Process, Server
from tests.tasks import functions, working_functions
from tests.versions.site import Person
from tests.waiting import eventually

pytestmark = pytest.mark.process

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER, PRODUCER, CONSUMER = 2, 4, 5  # kinds, by the protocol's numbers


@pytest.fixture
def heard(engine_tables: None) -> Iterator[Collector]:
    """A collector that listens."""
    with collector() as found:
        yield found


def cancelled(function: object, owner: User, *arguments: object) -> str:
    """A run that a person can start again over HTTP."""
    made = function.using(owner=owner).enqueue(*arguments)
    return str(lifecycle.cancel(TaskRun.objects.get(pk=made.id)).pk)


def test_one_trace_leads_from_the_request_to_each_attempt_of_what_it_enqueued(
    heard: Collector, started: list[Process], owner: User
) -> None:
    seeds = [cancelled(functions.fail_twice, owner, "traced"), cancelled(working_functions.isolated_work, owner, 3)]
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": heard.url,
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_BSP_SCHEDULE_DELAY": "100",  # milliseconds
        "LOG_FORMAT": "json",
    }
    started.append(worker := Process("worker", **environment))
    started.append(web := Server("--no-migrate", "--no-worker", OTEL_SERVICE_NAME="the-web", **environment))
    person = Person(session_of(owner))
    person.extra = {"traceparent": f"00-{TRACE}-{CALLER}-01", "X-Request-ID": "from-click-to-run"}
    runs = [person.start(web, seed) for seed in seeds]
    eventually(
        lambda: TaskRun.objects.filter(pk__in=runs, status__in=FINAL).count() == 2, within=30, what="both have ended"
    )
    eventually(lambda: len(heard.named("run ")) == 4 and heard.named("call "), what="the spans arrive")
    for process in (web, worker):
        process.end()

    requests = heard.named("POST /api/background-tasks/task/")
    assert [(span.parent, span.kind, span.service) for span in requests] == [(CALLER, SERVER, "the-web")] * 2
    assert {span.name for span in heard.spans if span.trace != TRACE} == {"GET /sign-in/"}, "whether it serves yet"
    request = requests[0]
    assert request.name == "POST /api/background-tasks/task/<task_id>/retry"
    assert request.attributes["http.response.status_code"] == 202
    assert request.attributes["statusproj.request_id"] == "from-click-to-run"
    enqueued = {span.attributes["messaging.message.id"]: span for span in heard.named("enqueue ")}
    assert set(enqueued) == set(runs)
    assert {span.parent for span in enqueued.values()} == {span.id for span in requests}
    attempts = [span for span in heard.named("run ") if span.attributes["messaging.message.id"] == runs[0]]
    assert [(span.attributes["statusproj.attempt"], span.failed) for span in attempts] == [
        *((1, True), (2, True), (3, False)),
    ]
    assert {(span.parent, span.kind, span.service) for span in attempts} == {
        (enqueued[runs[0]].id, CONSUMER, "statusproj")
    }
    [in_child] = heard.named("call ")
    assert in_child.parent in {span.id for span in heard.named("run tests.tasks.working_functions.isolated_work")}
    told = heard.named("publish job_update completed")
    assert {span.parent for span in told} <= {span.id for span in heard.named("run ")} and len(told) == 2
    assert not heard.named("publish job_update progress")

    lines = [json.loads(line) for line in worker.log.splitlines() if line.startswith("{")]
    failed = [line for line in lines if line.get("run_id") == runs[0]]
    assert len(failed) == 2 and {line["trace_id"] for line in failed} == {TRACE}
    stored = TaskRun.objects.get(pk=runs[0])
    assert stored.metadata["traceparent"] == f"00-{TRACE}-{enqueued[runs[0]].id}-01"


def test_where_nobody_asks_for_traces_nothing_of_opentelemetry_is_imported() -> None:
    told = "import sys, django; django.setup(); print([name for name in sys.modules if 'opentelemetry' in name])"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", told],
        cwd=ROOT,
        env={
            **environment,
            "DATABASE_URL": "postgresql://nobody@/nowhere",
            "DJANGO_SETTINGS_MODULE": "statusproj.settings",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert not tracing.is_on() and tracing.carrier() == {} and tracing.trace_id() == ""


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "pigeon"}, "'pigeon'; otlp, console and none are understood"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, ""),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, ""),
        ({}, ""),
    ],
)
def test_what_cannot_be_understood_is_said_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert configure() is False
    assert said in caplog.text and bool(said) == bool(caplog.text)


def test_packages_that_are_missing_are_named_with_what_brings_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)  # as if it were not installed
    assert configure() is False
    assert "pip install 'statusproj[otel]'" in caplog.text


def test_of_what_a_stranger_says_only_the_protocols_headers_are_taken_and_only_short_ones() -> None:
    said = {"traceparent": "00-x", "tracestate": "a=" + "b" * 600, "baggage": "user=somebody", "cookie": "secret"}
    assert tracing._bounded(said) == {"traceparent": "00-x"}
    assert {"request_id", "traceparent", "tracestate"} <= correlation.FOR_STAFF
