"""What real processes show of themselves: a web process its sockets and frames, a worker its runs."""

import http.client
from collections.abc import Callable

import websockets
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from prometheus_client.parser import text_string_to_metric_families

from tests.live.sockets import session_of
from tests.servers import Process, UvicornServer, free_port
from tests.tasks import functions
from tests.waiting import eventually

TOKEN = "a-token-of-this-test"


def scrape(port: int, token: str = TOKEN) -> dict[str, float] | int:
    """Every sample, its labels left out, summed up; the status where there are none; 0 while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        text = answer.read().decode()
    except OSError:
        return 0
    finally:
        connection.close()
    if answer.status != 200:
        return answer.status
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def has(port: int, name: str, number: float) -> Callable[[], bool]:
    """Does the process at `port` say so?"""

    def look() -> bool:
        said = scrape(port)
        return isinstance(said, dict) and said.get(name) == number

    return look


async def test_each_process_shows_what_it_did_and_the_web_how_everything_stands(
    started: list[Process], owner: User
) -> None:
    port = free_port()

    def start() -> UvicornServer:
        started.append(Process("worker", METRICS_PORT=str(port), METRICS_TOKEN=TOKEN))
        started.append(web := UvicornServer(METRICS_TOKEN=TOKEN))
        return web

    web = await sync_to_async(start)()
    cookie = {"Cookie": f"sessionid={await sync_to_async(session_of)(owner)}"}
    async with websockets.connect(f"{web.ws_url}/ws/progress/mine", additional_headers=cookie) as socket:
        await socket.recv()
        await sync_to_async(eventually)(has(web.port, "statusproj_sockets", 1), what="the socket is counted")
        said = await sync_to_async(scrape)(web.port)
        assert isinstance(said, dict)
        assert said["statusproj_frames_sent_total"] >= 1
        await functions.add.using(owner=owner).aenqueue(1, 2)
        await sync_to_async(eventually)(has(port, "statusproj_runs_finished_total", 1), within=40, what="the run ended")
    await sync_to_async(eventually)(has(web.port, "statusproj_sockets", 0), what="the socket is gone")
    own = await sync_to_async(scrape)(port)
    assert isinstance(own, dict)
    assert (own["statusproj_attempts_started_total"], own["statusproj_queue_wait_seconds_count"]) == (1, 1)
    # It waits, runs, and ends: frames that are lost on their way out are lost here, so they are counted here.
    assert own["statusproj_frames_published_total"] >= 2
    assert own["process_resident_memory_bytes"] > 1_000_000
    assert "statusproj_runs" not in own  # how everything stands is told by the web alone
    assert await sync_to_async(scrape)(port, "nonsense") == 401
