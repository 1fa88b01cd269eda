"""A bulk analysis in real processes: killed, and driven from a terminal."""

import csv
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User

from ingest.demo_site import DemoSite, Pace, entries
from ingest.jobs import start_bulk_analysis
from ingest.models import Article, Topic
from notifications.models import Notification
from tasks.models import TaskRun
from tasks.states import FINAL, Status
from tests.servers import Process, ServerAsItIs, free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]
MISSING = 60  # addresses behind which there is nothing


@pytest.fixture
def site() -> Iterator[DemoSite]:
    """The news site, on a port of its own, slow enough to be interrupted."""
    with DemoSite(port=free_port(), pace=Pace(latency=(0.05, 0.2), slow=0.2, drip_for=1)) as site:
        yield site


@pytest.fixture
def topic(owner: User) -> Topic:
    """By whose rules is judged."""
    topic = Topic.objects.create(owner=owner, name="Energy", language="en")
    for phrase in ("heat pump", "solar roof", "district heating"):
        topic.keywords.create(phrase=phrase)
    return topic


@pytest.fixture
def urls(site: DemoSite) -> list[str]:
    """Some three hundred addresses."""
    found = [site.entry_url(entry) for subject in ("energy", "travel") for entry in entries(subject, 1)]
    found += [site.entry_url(entry) for entry in entries("energy", 2)]
    return list(dict.fromkeys([*found, *(f"{site.url}/missing/{number}" for number in range(MISSING))]))


def paths(urls: object) -> list[str]:
    return [urlsplit(str(url)).path for url in urls]  # type: ignore[attr-defined]


@pytest.mark.parametrize("save", [True, False])
def test_after_kill_9_nothing_is_fetched_or_decided_twice_and_the_bell_rings_once(
    started: list[Process], site: DemoSite, topic: Topic, owner: User, urls: list[str], save: bool
) -> None:
    assert len(urls) > 150
    server = ServerAsItIs(INGEST_ALLOWED_HOSTS=site.host)
    started.append(server)
    run_id = start_bulk_analysis(owner, urls, topic.name, save=save)
    eventually(lambda: TaskRun.objects.filter(pk=run_id, processed_items__gte=60).exists(), within=60)
    server.send(signal.SIGKILL)
    server.wait()
    killed = TaskRun.objects.get(pk=run_id)
    told = dict(killed.items.exclude(outcome="waiting").values_list("key", "at"))
    decided = set(Article.objects.exclude(decision="pending").values_list("url", flat=True)) | set(told)
    assert len(decided) >= 40
    assert killed.checkpoint is None
    before = len(site.requests)

    started.append(ServerAsItIs(INGEST_ALLOWED_HOSTS=site.host))
    run = eventually(lambda: TaskRun.objects.filter(pk=run_id, status__in=FINAL).first(), within=120)
    assert (run.status, run.attempt) == (Status.COMPLETED, 2), run.error
    again = site.requests[before:]
    assert not set(paths(decided)) & set(paths(again)), "what was decided before the kill was not fetched again"
    assert len(again) == len(set(again))
    assert dict(run.items.filter(key__in=told).values_list("key", "at")) == told, "decided once"
    assert not run.items.filter(outcome="waiting").exists()
    assert run.result["processed"] == run.result["urls"] == run.total_items == len(urls)
    assert run.result["decisions"]["failed"] == run.items.filter(outcome="failed").count() >= MISSING
    assert run.result["known"] == 0
    assert Article.objects.count() == (len(urls) if save else 0)
    assert Notification.objects.filter(user=owner).count() == 1


def test_the_terminal_looks_at_the_lines_draws_a_bar_and_prints_rows(
    started: list[Process], site: DemoSite, topic: Topic, urls: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("title;url\n" + "".join(f"x;{url}\n" for url in urls[:12]) + "y;nonsense\n", "utf-16")
    arguments = ("analyze", str(file), "--topic", "energy")
    refused = Process(*arguments, INGEST_ALLOWED_HOSTS=site.host)
    started.append(refused)
    assert refused.wait() == 2, refused.log
    assert "line 14: It does not begin with http:// or https://." in refused.log
    assert "12 addresses to read, 1 line cannot be used." in refused.log
    assert not TaskRun.objects.exists()

    command = Process(*arguments, "--skip-invalid", "--watch", "--format", "json", INGEST_ALLOWED_HOSTS=site.host)
    started.append(command)
    assert command.wait(120) == 0, command.log
    assert "12 of 12" in command.log
    rows = json.loads(command.log[command.log.rindex("[{") :])
    assert [row["url"] for row in rows] == urls[:12]
    assert TaskRun.objects.get().result["processed"] == 12


def test_ctrl_c_in_the_terminal_cancels_and_prints_what_was_decided(
    started: list[Process], site: DemoSite, topic: Topic, urls: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "list.txt"
    file.write_text("\n".join(urls))
    command = Process("analyze", str(file), "--topic", "Energy", "--format", "csv", INGEST_ALLOWED_HOSTS=site.host)
    started.append(command)
    eventually(lambda: TaskRun.objects.filter(processed_items__gte=5).exists(), within=60)
    command.send(signal.SIGINT)
    assert command.wait(30) == 130, command.log
    assert TaskRun.objects.get().status == Status.CANCELLED
    assert "Traceback" not in command.log
    lines = command.log[command.log.index("url,outcome,decision") :].splitlines()
    outcomes = [row["outcome"] for row in csv.DictReader(lines) if row["url"].startswith("http")]
    assert len(outcomes) == len(urls)
    assert "done" in outcomes or "failed" in outcomes
    assert "waiting" in outcomes
