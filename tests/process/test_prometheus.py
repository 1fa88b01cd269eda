"""The dashboard and the alert rules in a real Prometheus that asks a real web process and a real worker.

That they name metrics which exist is held by tests/test_deploy_metrics.py; here they are answered.
"""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
import yaml
from django.contrib.auth.models import User
from django.utils import timezone
from websockets.sync.client import connect

from accounts import tokens
from accounts.scopes import Scope
from ingest.models import Topic
from notifications import facade
from notifications.models import NotificationDelivery
from tasks.models import TaskRun
from tasks.states import Status
from tests.live.sockets import session_of
from tests.servers import Process, UvicornServer, free_port, get, require
from tests.tasks import functions
from tests.test_deploy_metrics import ALERTS, DEPLOY, PANELS
from tests.waiting import eventually
from tools.fleet.services import Service

TOKEN = "a-token-of-this-test"
WINDOW = "10s"  # what Grafana would put for $__rate_interval, at a look every second

# Lost frames, queues that stand, letters of this minute, and what an hour added to a database that is minutes old.
SILENT_WHEN_ALL_IS_WELL = {
    "Frames dropped",
    "Paused queues",
    "Sockets closed, by code",
    "Deliveries",
    "Articles, by decision",
}


class Prometheus(Service):
    """Debian's, with our configuration and other addresses in it."""

    def __init__(self, folder: Path, *, web: int, worker: int) -> None:
        self.port = free_port()
        token = folder / "token"
        token.write_text(TOKEN)
        configuration = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        for job, port in zip(configuration["scrape_configs"], (web, worker), strict=True):
            job["authorization"]["credentials_file"] = str(token)
            job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
        rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
        for rule in rules["groups"][0]["rules"]:
            rule["for"] = "0s"
        (folder / "alerts.yml").write_text(yaml.safe_dump(rules))
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        super().__init__(
            "prometheus",
            [
                require("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'series'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            folder=folder,
            is_ready=self._has_read_both,
        )

    def _has_read_both(self) -> bool:
        data = self.ask("targets", state="active") or {"activeTargets": []}
        return [target["health"] for target in data["activeTargets"]] == ["up", "up"]

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its API; None while there is none."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        answer = get(self.port, f"/api/v1/{path}{query}")
        return json.loads(answer)["data"] if answer else None

    def series(self, expression: str) -> list[dict[str, str]]:
        """The labels of each series that answers."""
        data = self.ask("query", query=expression.replace("$__rate_interval", WINDOW))
        assert data is not None, f"refused: {expression}"
        return [series["metric"] for series in data["result"]]

    def alerts(self) -> set[str]:
        """The names of those that fire."""
        data = self.ask("alerts") or {"alerts": []}
        return {alert["labels"]["alertname"] for alert in data["alerts"] if alert["state"] == "firing"}


@pytest.fixture
def watched(started: list[Process], tmp_path: Path) -> Iterator[tuple[Prometheus, UvicornServer]]:
    """A web process, a worker, and a Prometheus that has seen both."""
    require("prometheus")
    port = free_port()
    started.append(Process("worker", METRICS_PORT=str(port), METRICS_TOKEN=TOKEN))
    started.append(web := UvicornServer(METRICS_TOKEN=TOKEN))
    prometheus = Prometheus(tmp_path, web=web.port, worker=port)
    try:
        prometheus.start()
        yield prometheus, web
    finally:
        prometheus.stop()


@pytest.mark.timeout(180)
def test_every_panel_shows_what_is_going_on_and_an_alert_fires_when_a_web_is_gone(
    watched: tuple[Prometheus, UvicornServer], owner: User
) -> None:
    prometheus, web = watched
    secret = prepare(owner)
    cookie = {"Cookie": f"sessionid={session_of(owner)}"}
    silent = {(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]}

    def all_of_them_show_something() -> bool:
        """Whatever a panel is about happens again at each look: of a rate it takes two."""
        functions.add.using(owner=owner).enqueue(1, 2)
        functions.raise_secretly.using(owner=owner).enqueue()
        if failed := TaskRun.objects.filter(status=Status.FAILED).first():
            retry = f"{web.url}/api/background-tasks/task/{failed.pk}/retry"
            answer = httpx2.post(retry, headers={"Authorization": f"Bearer {secret}"}, trust_env=False)
            assert answer.status_code in (202, 429), answer.text
        with connect(f"{web.ws_url}/ws/notifications", additional_headers=cookie) as socket:
            socket.recv()
            silent.difference_update([key for key in silent if prometheus.series(key[1])])
        return {title for title, _ in silent} <= SILENT_WHEN_ALL_IS_WELL

    with connect(f"{web.ws_url}/ws/progress/mine", additional_headers=cookie):  # so that one is open at any look
        try:
            eventually(all_of_them_show_something, within=90)
        except AssertionError:
            pytest.fail(f"nothing is shown for {sorted(silent)}")
    for panel in PANELS:
        for target in panel["targets"]:
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert all(named <= series.keys() for series in prometheus.series(target["expr"])), panel["title"]
    eventually(lambda: prometheus.ask("rules"), what="the rules were looked at")
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert [(rule["name"], rule["health"]) for rule in rules] == [(rule["alert"], "ok") for rule in ALERTS]
    assert "StatusprojWebDown" not in prometheus.alerts()
    web.end()
    eventually(lambda: "StatusprojWebDown" in prometheus.alerts(), what="somebody is told that the web is gone")


def prepare(owner: User) -> str:
    """What figures of the database are about: a source, a letter that waits. Returns a token."""
    Topic.objects.create(owner=owner, name="Energy").sources.create(url="https://news.example/feed")
    notice = facade.create_notification(username=owner.username, type="x", title="t", message="m")
    NotificationDelivery.objects.create(
        notification=notice, user=owner, channel="email", title="t", due_at=timezone.now() + timedelta(hours=1)
    )
    _, secret = tokens.create(owner, name="Test", scopes=[Scope.WRITE], expires_at=None)
    return secret
