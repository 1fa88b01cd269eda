"""Somebody else's project installs our wheel and gets bars for its own @task: examples/minimal, over real servers."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
import websockets
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import chromium
from tests.library.shop import Shop

__all__ = ["chromium"]

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
RUN = re.compile(r'id="run-([0-9a-f-]{36})-progress"')


@contextmanager
def signed_in(port: int, name: str) -> Iterator[httpx2.Client]:
    """A client of the shop in which `name` has entered."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True, timeout=60) as client:
        post(client, "/enter/", username=name, password=name)
        yield client


def post(client: httpx2.Client, page: str, **fields: str) -> httpx2.Response:
    """Fill in the form of a page, and send it."""
    [token] = set(TOKEN.findall(client.get(page).text))
    answer = client.post(page, data={"csrfmiddlewaretoken": token, **fields}, headers={"Referer": str(client.base_url)})
    assert answer.status_code == 200, answer.text
    return answer


async def count_and_hear(port: int, client: httpx2.Client) -> tuple[str, list[dict[str, Any]], dict[str, Any]]:
    """Start a run by the page's button: its id, its frames until it has ended, and the notification of it."""
    url, origin = f"ws://127.0.0.1:{port}/ws", f"http://127.0.0.1:{port}"
    headers = {"Cookie": f"sessionid={client.cookies['sessionid']}"}
    connect = websockets.connect
    async with (
        asyncio.timeout(120),
        # Before the run begins: of a notification that came earlier no socket is told.
        connect(f"{url}/notifications", origin=origin, additional_headers=headers) as of_notices,
    ):
        [run_id] = set(RUN.findall((await asyncio.to_thread(post, client, "/")).text))
        frames: list[dict[str, Any]] = []
        async with connect(f"{url}/bulk-process/{run_id}", origin=origin, additional_headers=headers) as of_run:
            while not frames or frames[-1].get("status") != "completed":
                frames.append(json.loads(await of_run.recv()))
        notice: dict[str, Any] = {}
        # Two processes and no Redis: no frame passes from one to the other, but the re-read finds what has changed.
        while not notice.get("unread_count"):
            notice = json.loads(await of_notices.recv())
    return run_id, frames, notice


@pytest.mark.process
@pytest.mark.timeout(300)  # its fixtures build and install the wheel
def test_a_project_sees_its_own_task_advance_and_end_and_is_told(shop: Shop) -> None:
    # As a newcomer runs it: Django's runserver by Daphne, and a worker beside it.
    with (
        shop.running("worker"),
        shop.serving("runserver", "--noreload", "{port}") as port,
        signed_in(port, "ada") as client,
        signed_in(port, "eve") as stranger,
    ):
        run_id, frames, notice = asyncio.run(count_and_hear(port, client))
        done = [frame["processed"] for frame in frames if frame.get("status") == "progress"]
        assert len(set(done)) > 1 and done == sorted(done), frames
        assert frames[-1]["results"] == {"shelves": 25}
        assert notice["unread_count"] == 1

        assert 'data-status="completed"' in client.get("/").text
        inside = client.get(f"/status/runs/{run_id}/").text
        assert "The shop</a>" in inside and "Count the stock" in inside
        status = client.get(f"/status/api/background-tasks/task/{run_id}")
        assert status.status_code == 200, status.text
        assert status.json()["task"]["result"] == {"shelves": 25}
        assert "Count the stock" in client.get("/status/notifications/").text
        [told] = client.get("/status/api/notifications").json()["notifications"]
        assert told["type"] == "task_completed"
        # Somebody else's run is as good as none.
        assert stranger.get(f"/status/runs/{run_id}/").status_code == 404
        assert stranger.get(f"/status/api/background-tasks/task/{run_id}").status_code == 404


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_its_own_page_moves_and_the_page_of_a_run_stands_in_its_own(shop: Shop, chromium: Browser) -> None:
    with shop.serving("serve", "--port", "{port}") as port:
        page = chromium.new_page()
        trouble: list[str] = []
        page.on("console", lambda said: trouble.append(said.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("response", lambda got: trouble.append(f"{got.status} {got.url}") if got.status >= 400 else None)
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_label("Username").fill("bea")
        page.get_by_label("Password").fill("bea")
        page.get_by_role("button", name="Enter").click()
        plain = looks_of(page)
        page.get_by_role("button", name="Count").click()
        bar = page.get_by_role("progressbar", name="Count the stock")
        bar.wait_for()
        page.evaluate("window.sameDocument = true")
        for enough in (20, 60):  # per cent
            page.wait_for_function("least => document.querySelector('progress').value > least", arg=enough)
        expect(page.locator("[data-status=completed]")).to_be_visible()
        expect(page.locator("#toast")).to_be_visible()
        assert page.evaluate("window.sameDocument")
        assert looks_of(page) == plain  # our style sheets are loaded by now
        page.get_by_role("link", name="Count the stock").click()
        expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
        expect(page.get_by_role("link", name="The shop")).to_be_visible()
        # The shop's ground is white whatever the system says, for it says nothing of colours: ours have to fit to it.
        page.wait_for_load_state()  # with its style sheets
        page.emulate_media(color_scheme="light")
        in_light = colour_of(page, "Timeline")
        page.emulate_media(color_scheme="dark")
        assert colour_of(page, "Timeline") == in_light
        page.evaluate("document.documentElement.style.colorScheme = 'dark'")
        assert colour_of(page, "Timeline") != in_light
        assert trouble == []


def colour_of(page: Page, heading: str) -> str:
    """Of the letters of this heading."""
    colour: str = page.get_by_role("heading", name=heading).evaluate("one => getComputedStyle(one).color")
    return colour


def looks_of(page: Page) -> list[str]:
    """How the project's own heading, link and body look."""
    script = """() => ["body", "h1", "header a"].map((one) => {
        const { font, color, margin, backgroundColor } = getComputedStyle(document.querySelector(one));
        return [font, color, margin, backgroundColor].join(" ");
    })"""
    looks: list[str] = page.evaluate(script)
    return looks
