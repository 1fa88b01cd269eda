"""Auto-Collect in real processes: killed, cancelled, and driven from a terminal."""

import json
import signal
import time
from collections.abc import Iterator

import httpx2
import pytest
from django.contrib.auth.models import User
from django.test import Client

from ingest.demo import prepare
from ingest.demo_site import DemoSite, Pace
from ingest.jobs import start_collecting
from ingest.models import Article, Topic
from notifications.models import Notification
from tasks import ledger
from tasks.models import TaskRun
from tasks.states import FINAL, Status
from tests.servers import Process, ServerAsItIs, free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]


@pytest.fixture
def site() -> Iterator[DemoSite]:
    """The news site, on a port of its own, slow enough to be interrupted."""
    with DemoSite(port=free_port(), pace=Pace(latency=(0.1, 0.4), slow=0.5, drip_for=3)) as site:
        yield site


@pytest.fixture
def topic(site: DemoSite, owner: User, settings: object) -> Topic:
    """The demo's main topic, reading the site."""
    settings.DEMO_SITE_PORT = int(site.host.rsplit(":")[-1])
    return prepare(owner)[0]


def half_way(run_id: str, at_least: int = 40) -> TaskRun:
    """The run, once it has decided some articles."""
    return eventually(
        lambda: TaskRun.objects.filter(pk=run_id, processed_items__gte=at_least).first(),
        within=60,
        what="the run is under way",
    )


def test_after_kill_9_mid_run_no_article_is_processed_twice_and_the_bell_rings_once(
    started: list[Process], site: DemoSite, topic: Topic, owner: User
) -> None:
    server = ServerAsItIs(INGEST_ALLOWED_HOSTS=site.host)
    started.append(server)
    run_id = start_collecting(owner, topic).id
    half_way(run_id)
    server.send(signal.SIGKILL)
    server.wait()
    decided = {article.pk: article.decided_at for article in Article.objects.exclude(decision="pending")}
    paths_read = set(Article.objects.filter(pk__in=decided).values_list("url", flat=True))
    assert decided
    requests_before = len(site.requests)

    killed_at = time.monotonic()
    started.append(ServerAsItIs(INGEST_ALLOWED_HOSTS=site.host))
    eventually(lambda: TaskRun.objects.get(pk=run_id).attempt == 2, within=15)
    assert time.monotonic() - killed_at < 15
    run = eventually(lambda: TaskRun.objects.filter(pk=run_id, status__in=FINAL).first(), within=120)

    assert run.status == Status.COMPLETED
    assert run.result["processed"] == run.total_items == Article.objects.filter(topic=topic).count()
    assert not Article.objects.filter(decision="pending").exists()
    for pk, decided_at in decided.items():
        assert Article.objects.get(pk=pk).decided_at == decided_at, "decided once"
    read_again = {f"{site.url}{path}" for path in site.requests[requests_before:]}
    assert not paths_read & read_again, "what was decided before the kill was not even fetched again"
    assert not set(topic.sources.values_list("url", flat=True)) & read_again, "nor were the feeds"
    assert run.result["found"] == run.total_items
    assert sum(ledger.counts_of(run.pk).values()) == run.total_items
    assert Notification.objects.filter(user=owner).count() == 1


def test_cancel_mid_run_stops_within_2_s_and_says_so_everywhere(
    started: list[Process], site: DemoSite, topic: Topic, owner: User
) -> None:
    server = ServerAsItIs(INGEST_ALLOWED_HOSTS=site.host)
    started.append(server)
    run_id = start_collecting(owner, topic).id
    half_way(run_id, at_least=20)
    browser = Client()
    browser.force_login(owner)
    cookies = {"sessionid": browser.cookies["sessionid"].value}
    with httpx2.Client(base_url=server.url, cookies=cookies, trust_env=False) as http:
        page = http.get(f"/tasks/{run_id}/")
        token = http.cookies["csrftoken"]
        assert page.status_code == 200
        asked_at = time.monotonic()
        answer = http.delete(f"/api/background-tasks/task/{run_id}", headers={"X-CSRFToken": token})
        assert answer.status_code == 200, answer.text
        run = eventually(lambda: TaskRun.objects.filter(pk=run_id, status=Status.CANCELLED).first(), within=2)
        assert time.monotonic() - asked_at < 2
        assert http.get(f"/api/background-tasks/task/{run_id}").json()["task"]["status"] == "cancelled"
        assert "Cancelled" in http.get(f"/tasks/{run_id}/").text
        assert "Cancelled" in http.get(f"/keyword-alerts/{topic.pk}/").text
    assert run.events.last().data["status"] == "cancelled"
    requests = len(site.requests)
    assert not Notification.objects.exists()
    # Nothing goes on in secret: what is pending stays so, and the next run takes it up.
    assert Article.objects.filter(decision="pending").exists()
    again = start_collecting(owner, topic).id
    eventually(lambda: TaskRun.objects.filter(pk=again, status=Status.COMPLETED).first(), within=120)
    assert len(site.requests) > requests


def test_the_terminal_draws_a_bar_and_prints_the_outcome(started: list[Process], site: DemoSite, topic: Topic) -> None:
    command = Process("collect", "--topic", topic.name, "--limit", "30", INGEST_ALLOWED_HOSTS=site.host)
    started.append(command)
    assert command.wait(120) == 0, command.log
    assert "30 of 30" in command.log
    assert "What became of them" in command.log
    assert TaskRun.objects.get().result["processed"] == 30


def test_ctrl_c_in_the_terminal_cancels_the_run(started: list[Process], site: DemoSite, topic: Topic) -> None:
    command = Process("collect", "--topic", topic.name, INGEST_ALLOWED_HOSTS=site.host)
    started.append(command)
    run = eventually(lambda: TaskRun.objects.first(), within=30)
    half_way(str(run.pk), at_least=5)
    command.send(signal.SIGINT)
    assert command.wait(30) == 130, command.log
    run.refresh_from_db()
    assert run.status == Status.CANCELLED
    assert run.events.filter(data__reason="Ctrl-C in the terminal").exists()
    assert "Traceback" not in command.log


def test_a_second_collection_of_the_same_topic_is_409_and_names_the_first(
    started: list[Process], site: DemoSite, topic: Topic, owner: User
) -> None:
    client = Client()
    client.force_login(owner)

    body = json.dumps({"topic_id": topic.pk})

    def ask() -> tuple[int, dict[str, object]]:
        answer = client.post("/api/auto-ingest/run", body, content_type="application/json")
        return answer.status_code, answer.json()

    status, first = ask()
    assert status == 202
    assert first.keys() == {"success", "task_id", "message", "total_articles"}
    status, second = ask()
    assert status == 409
    assert second["error"]["details"] == {"task_id": first["task_id"]}
