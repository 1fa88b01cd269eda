"""Every flow from signing in to signing out: with keys alone, and with JavaScript off."""

import re

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect

from ingest.models import CollectPreferences, Topic
from notifications import facade
from notifications.models import Notification
from tasks.models import TaskRun
from tasks.states import Status
from tests.browser.hands import Hand, Keys
from tests.browser.tabs import Tab
from tests.ingest.articles import make_article
from tests.servers import Server
from tests.tasks.runs import make_run_in

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(180)]

PASSWORD = "correct horse"
SILENT = "127.0.0.1:9"  # nobody answers there


@pytest.fixture
def arguments() -> tuple[str, ...]:
    """The web side alone: what is started waits to be cancelled."""
    return ("--no-worker",)


@pytest.fixture
def environment() -> dict[str, str]:
    """A source may be where nobody answers."""
    return {"INGEST_ALLOWED_HOSTS": SILENT}


@pytest.mark.parametrize("has_script", [True, False], ids=["with keys alone", "without JavaScript"])
def test_every_flow_can_be_gone(server: Server, chromium: Browser, owner: User, has_script: bool) -> None:
    # The server does not know the cheap hasher of the tests.
    User.objects.filter(pk=owner.pk).update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    failed = make_run_in(Status.FAILED, owner, name="Import")
    Notification.objects.all().delete()
    for title in ("First", "Second", "Third"):
        facade.create_notification(username="owner", type="news", title=title, message="…")
    tab = Tab.of(chromium.new_context(java_script_enabled=has_script).new_page(), server.url)
    page = tab.open("/")
    hand = Keys(page) if has_script else Hand(page)

    hand.fill("Username", "owner")
    hand.fill("Password", PASSWORD)
    hand.press("Sign in")

    # A topic, a source, and the main job.
    hand.press("Keyword alerts")
    hand.press("New topic")
    hand.fill("Name", "Travel")
    hand.fill("Keywords", "railway")
    hand.press("Make topic")
    expect(page.get_by_role("heading", name="Travel", level=1)).to_be_visible()
    topic = Topic.objects.get(owner=owner)
    hand.press("Sources")
    hand.fill("Address", f"http://{SILENT}/feed.xml")
    hand.press("Add source")
    hand.press(f"Add http://{SILENT}/feed.xml anyway")
    expect(page.get_by_role("heading", name="1 source")).to_be_visible()
    hand.press("Articles")
    hand.press("Run Auto-Collect for Travel")
    run = page.locator("#topic-run")
    expect(run).to_contain_text("Waiting")
    name = TaskRun.objects.get(owner=owner, status=Status.PENDING).name
    hand.press(f"Cancel {name}")
    if has_script:
        expect(page.get_by_role("dialog", name=f"Cancel “{name}”?")).to_be_visible()
    hand.press("Cancel this run")
    expect(run).to_contain_text("Cancelled")

    # Several articles at once.
    article = make_article(topic, title="Night trains")
    make_article(topic)
    hand.press("Articles")
    hand.tick("Select Night trains")
    hand.choose("What to do with the selected articles", "Star")
    hand.press("Apply to selected")
    expect(page.get_by_text("1 article starred.").first).to_be_visible()
    article.refresh_from_db()
    assert article.starred_at

    # A run that has failed.
    hand.press("Runs")
    hand.press("Retry Import")
    page.wait_for_url(re.compile(f"/tasks/(?!{failed.pk})[0-9a-f-]{{36}}/"))
    expect(page.get_by_role("heading", name="Import", level=1)).to_be_visible()

    # The bell: a panel, or a page.
    hand.press("Notifications, 3 unread")
    hand.press("Mark “Third” as read")
    hand.press("Dismiss “Second”")
    expect(page.get_by_text("Second", exact=True)).to_have_count(0)
    hand.press("Mark all as read")
    expect(page.get_by_text("Unread:")).to_have_count(0)
    hand.press("Clear read")
    expect(page.get_by_text("No notifications yet")).to_be_visible()
    if has_script:
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Notifications", exact=True)).to_be_focused()

    hand.press("Keyword alerts")
    hand.press("Preferences")
    hand.tick("Daily digest")
    hand.press("Save")
    expect(page.get_by_text("Saved").first).to_be_visible()
    assert CollectPreferences.objects.get(owner=owner).digest

    hand.unfold("Your account, owner")
    hand.press("Sign out")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert [words for words in tab.complaints if "422" not in words] == []  # what could not be added, and why
