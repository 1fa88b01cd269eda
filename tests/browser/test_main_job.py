"""The main job as a person sees it: real Chromium, real Daphne, real Postgres, real HTTP to the news site."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ingest.demo import prepare
from ingest.demo_site import DemoSite, Pace
from ingest.models import Article, Topic
from notifications.models import Notification
from tasks.models import TaskRun
from tests.browser.tabs import Tab
from tests.servers import Server, ServerAsItIs, free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(180)]

PASSWORD = "correct horse"
PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


@pytest.fixture
def site() -> Iterator[DemoSite]:
    """The news site, on a port of its own."""
    with DemoSite(port=free_port(), pace=Pace(latency=(0.02, 0.1), slow=0.5, drip_for=3)) as site:
        yield site


@pytest.fixture
def topic(site: DemoSite, owner: User, settings: object) -> Topic:
    """The demo's main topic, reading the site."""
    settings.DEMO_SITE_PORT = int(site.host.rsplit(":")[-1])  # type: ignore[attr-defined]
    return prepare(owner)[0]


@pytest.fixture
def server(engine_tables: None, site: DemoSite) -> Iterator[Server]:
    """`manage.py serve`, which may fetch from the news site."""
    process = ServerAsItIs(INGEST_ALLOWED_HOSTS=site.host)
    yield process
    process.end()


def signed_in(browser: Browser, server: Server, username: str) -> Tab:
    """A browser of its own in which somebody has signed in through the form."""
    # The server does not know the cheap hasher of the tests.
    User.objects.filter(username=username).update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    tab = Tab.new(browser, server.url)
    page = tab.page
    tab.open("/sign-in/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Your account")).to_be_visible()
    return tab


# Notes the topic's numbers whenever they change, however long the test looks elsewhere.
NOTE_NUMBERS = """() => {
    window.numbersSeen = new Set();
    const note = () => window.numbersSeen.add(document.querySelector("#topic-run [id$=numbers]")?.innerText ?? "");
    new MutationObserver(note).observe(document.body, { childList: true, characterData: true, subtree: true });
}"""


def shown_percentages(page: Page, run_id: str) -> list[float]:
    """Every different percentage the bar shows until the run has ended, in order of appearance."""
    seen: list[float] = []
    words = page.locator(f"#run-{run_id}-progress .progress-count strong")

    def ended() -> bool:
        found = PERCENT.fullmatch(" ".join(words.all_inner_texts()))
        if found and (not seen or seen[-1] != float(found[1])):
            seen.append(float(found[1]))
        return page.locator(f"#run-{run_id}-status").inner_text().strip() == "Completed"

    eventually(ended, within=120, what="the page says Completed")
    return seen


def test_a_person_collects_articles_and_a_stranger_sees_none_of_it(
    chromium: Browser, server: Server, topic: Topic, owner: User, stranger: User
) -> None:
    tab = signed_in(chromium, server, "owner")
    page = tab.open(f"/keyword-alerts/{topic.pk}/")
    expect(page.get_by_role("button", name="Notifications", exact=True)).to_be_visible()
    page.get_by_role("button", name="Run Auto-Collect").click()
    run = eventually(lambda: TaskRun.objects.filter(owner=owner).first(), what="a run is stored")
    expect(page.locator(f"#run-{run.pk}-progress")).to_be_visible()
    page.evaluate("() => { window.neverReloaded = true }")
    page.evaluate(NOTE_NUMBERS)

    other = signed_in(chromium, server, "stranger")
    assert other.page.goto(f"{server.url}/tasks/{run.pk}/").status == 404  # type: ignore[union-attr]
    assert other.page.goto(f"{server.url}/keyword-alerts/{topic.pk}/").status == 404  # type: ignore[union-attr]
    other.open("/tasks/")
    assert run.name not in other.page.inner_text("main")

    percentages = shown_percentages(page, str(run.pk))
    assert page.evaluate("window.numbersSeen.size") >= 3, "the numbers of the topic grow while it is collected"
    assert len([percent for percent in percentages if percent < 100]) >= 5, percentages
    assert percentages == sorted(percentages)
    assert page.evaluate("() => window.neverReloaded === true"), "the bar moved in place"

    run.refresh_from_db()
    decided = Article.objects.filter(topic=topic).exclude(decision="pending").count()
    assert run.result["processed"] == decided == run.total_items
    progress = page.locator(f"#run-{run.pk}-progress")
    expect(progress).to_contain_text(f"{decided} of {decided}")

    page.get_by_role("button", name="Notifications, 1 unread").click()
    panel = page.get_by_role("region", name="Notifications")
    expect(panel).to_contain_text("Auto-Collect complete")
    panel.get_by_role("button", name=re.compile("^Mark “.*” as read$")).click()
    expect(page.get_by_role("button", name="Notifications", exact=True)).to_be_visible()
    assert page.evaluate("() => window.neverReloaded === true")
    assert Notification.objects.get(user=owner).read is True
    assert Notification.objects.count() == 1

    assert tab.complaints == []
    assert [line for line in other.complaints if "404" not in line] == []
    assert close_code_for(server, other, f"/ws/bulk-process/{run.pk}") == 4404


def close_code_for(server: Server, tab: Tab, path: str) -> int | None:
    """The code with which a socket of this browser's session is closed."""
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in tab.page.context.cookies())

    headers = {"Cookie": cookies}
    with (
        connect(f"{server.ws_url}{path}", additional_headers=headers) as socket,
        pytest.raises(ConnectionClosed) as end,
    ):
        socket.recv(timeout=10)
    return end.value.rcvd.code if end.value.rcvd else None
