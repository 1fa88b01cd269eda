"""Postgres is away, the server is not: sockets stay open, and whoever looks at a page is told what it is worth."""

import json
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from websockets.sync.client import ClientConnection, connect

from live.schema import server_frame
from tests.browser.tabs import Tab
from tests.browser.watching import BANNER, SHOWN, is_open, is_shown, watch
from tests.own_postgres import OwnPostgres, own_postgres
from tests.servers import Server
from tests.tasks.functions import gate_file

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(180)]

WATCHED = """
import django
django.setup()
from django.contrib.auth.models import User
from django.test import Client
from tests.tasks import functions
owner = User.objects.create_user("owner")
client = Client()
client.force_login(owner)
print(client.cookies["sessionid"].value, functions.reporter.using(owner=owner, title="Import").enqueue("away").id)
"""


@pytest.fixture
def postgres() -> Iterator[OwnPostgres]:
    """A server of the test's own."""
    with own_postgres() as server:
        yield server


def word_of_freshness(socket: ClientConnection) -> bool:
    """The next one."""
    while True:
        text = socket.recv(timeout=30)
        server_frame.validate_json(text)
        if (frame := json.loads(text))["type"] == "freshness":
            return bool(frame["fresh"])


def test_open_pages_say_that_the_database_is_away_since_when_and_no_longer_once_it_is_back(
    postgres: OwnPostgres, chromium: Browser
) -> None:
    gate_file("away").unlink(missing_ok=True)
    session, run = postgres.python("-c", WATCHED).split()
    server = Server(**postgres.environment)
    try:
        tab = Tab.new(chromium, server.url)
        tab.page.context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
        watch(tab, run)
        is_open(tab)
        address = f"{server.ws_url}/ws/bulk-process/{run}"
        with connect(address, additional_headers={"Cookie": f"sessionid={session}"}, proxy=None) as socket:
            postgres.stop()
            away_since = time.monotonic()
            tab.until(SHOWN, within=30)
            print(f"said {time.monotonic() - away_since:.1f} s after Postgres had gone")
            words = tab.page.inner_text("#connection")
            assert "Live updates are interrupted" in words and "as of" in words
            assert tab.page.evaluate(f"() => {is_shown(run, 'running')}"), "what was known stays"
            assert word_of_freshness(socket) is False
            assert tab.page.evaluate("() => seen.lost") == 0, "the sockets are open all the while"

            postgres.start()
            back_since = time.monotonic()
            tab.until(f"{BANNER}.hidden", within=60)
            print(f"gone {time.monotonic() - back_since:.1f} s after it was back")
            assert word_of_freshness(socket) is True
            gate_file("away").touch()
            tab.until(is_shown(run, "completed"), within=60)
            tab.until(f"{BANNER}.hidden")
    finally:
        server.end()
