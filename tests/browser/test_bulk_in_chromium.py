"""A bulk analysis in a real browser: pasted, mended, started, and its rows as they come."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from ingest.demo_site import DemoSite, Pace, entries
from ingest.models import Topic
from tasks.models import TaskRun
from tests.browser.tabs import Tab
from tests.servers import free_port

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240)]


@pytest.fixture
def site() -> Iterator[DemoSite]:
    """The news site, slow enough to be watched."""
    with DemoSite(port=free_port(), pace=Pace(latency=(0.1, 0.3), slow=0.2, drip_for=1)) as site:
        yield site


@pytest.fixture
def environment(site: DemoSite) -> dict[str, str]:
    """The server may fetch from the site."""
    return {"INGEST_ALLOWED_HOSTS": site.host}


def test_addresses_are_mended_in_place_and_their_rows_come_by_themselves(
    tab_of: Callable[[User], Tab], owner: User, site: DemoSite, tmp_path: Path
) -> None:
    topic = Topic.objects.create(owner=owner, name="Energy")
    topic.keywords.create(phrase="heat pump")
    urls = [site.entry_url(entry) for entry in entries("energy", 1)]
    file = tmp_path / "list.csv"
    file.write_text("title;url\n" + "".join(f"x;{url}\n" for url in urls[40:]), "utf-16")
    tab = tab_of(owner)
    page = tab.open("/keyword-alerts/analyze/")
    page.fill("#id_text", "\n".join([*urls[:40], "nonsense", f"{site.url}/missing"]))
    page.set_input_files("#id_file", file)
    page.get_by_role("button", name="Check addresses").click()
    check = page.locator("#check")
    assert "1 line cannot be used" in check.inner_text()
    page.get_by_label("Line 41").fill(f"{site.url}/also-missing")
    page.get_by_role("button", name="Check again").click()
    total = len({*urls}) + 2
    page.get_by_role("button", name=f"Start: read {total}").click()
    page.wait_for_url("**/tasks/*/")
    tab.until("document.querySelector('#items-waiting')")
    # Rows come without anybody asking, the latest first, and never more than a page of them.
    tab.until("document.querySelectorAll('#items .score-value, #items .item-text .small').length > 5", within=60)
    assert page.locator("#items li").count() <= 25
    link = page.locator("#items li a").first
    assert link.get_attribute("rel") == "noopener noreferrer nofollow external"
    assert link.get_attribute("referrerpolicy") == "no-referrer"
    page.click("#items-failed")
    tab.until("document.querySelector('#items-retry')", within=120)
    assert page.locator("#items-failed").get_attribute("aria-current") == "page"
    run = TaskRun.objects.get()
    assert run.result["processed"] == total
    with page.expect_download() as download:
        page.click("#items-csv")
    assert download.value.path().read_text().count("\n") == total + 1
    assert tab.complaints == []
