"""What a run's page shows of logs and items while it runs and after it has ended, in a real browser."""

import csv
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from tasks.models import TaskEvent, TaskItem, TaskRun
from tasks.states import FINAL, Status
from tasks.timeline import LINES_SHOWN
from tests.browser.tabs import Tab
from tests.servers import Server, ServerAsItIs
from tests.tasks import working_functions as functions
from tests.tasks.functions import gate_file
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(180)]

type TabOf = Callable[[User], Tab]

LINES = "[...document.querySelectorAll('.event-log .event-text')].map((line) => line.textContent)"
TABS = "[...document.querySelectorAll('#items .filter')].map((tab) => tab.textContent.trim().replace(/\\s+/g, ' '))"


def start(owner: User, total: int, end: str = "") -> str:
    """A run that logs and keeps a ledger of `total` items in two halves. Returns its id."""
    run = functions.keep_ledger_and_log.using(owner=owner, title="Import").enqueue(f"page-{total}-{end}", total, end)
    return run.id


def let_go(total: int, part: int, end: str = "") -> None:
    """Open the gate after one half."""
    gate_file(f"page-{total}-{end}-{part}").touch()


def shows(tab: Tab, every: int, failed: int) -> None:
    """Wait until the items are counted so."""
    tab.until(f'JSON.stringify({TABS}) === \'["All {every}","Failed {failed}","Done {every - failed}"]\'')


def test_lines_and_items_grow_while_it_runs_stay_when_it_fails_and_are_bounded(owner: User, tab_of: TabOf) -> None:
    tab = tab_of(owner)
    run = start(owner, 600, "fail")
    page = tab.open(f"/tasks/{run}/")
    page.evaluate("() => { window.neverReloaded = true }")
    shows(tab, 300, 30)
    tab.until(f"{LINES}.includes('item 299')")
    let_go(600, 0, "fail")
    shows(tab, 600, 60)
    tab.until(f"{LINES}[0] === 'item 599'")
    entries = "document.querySelectorAll('.timeline > li').length"
    assert page.evaluate(f"() => {entries}") <= LINES_SHOWN, "old lines make room for new ones"
    assert "Older entries are not shown" in page.inner_text("#run-timeline")
    let_go(600, 1, "fail")
    tab.until(f"document.querySelector('#run-{run}-status').dataset.status === 'failed'")
    tab.until("document.querySelector('#items-retry')")
    assert page.evaluate(f"() => {LINES}[0]") == "item 599"
    assert page.evaluate(f"() => {entries}") <= LINES_SHOWN
    shows(tab, 600, 60)
    assert page.evaluate("() => window.neverReloaded === true")
    assert tab.complaints == []


def test_lines_and_items_of_a_run_whose_worker_was_killed_are_still_there(
    owner: User, tab_of: TabOf, server: Server
) -> None:
    tab = tab_of(owner)
    run = start(owner, 20)
    tab.open(f"/tasks/{run}/")
    shows(tab, 10, 1)
    tab.until(f"{LINES}.length === 10")
    eventually(lambda: TaskEvent.objects.filter(run=run, kind="log").count() == 10)
    server.send(signal.SIGKILL)
    server.wait()
    again = ServerAsItIs(port=server.port)
    try:
        eventually(lambda: TaskRun.objects.filter(pk=run, status=Status.FAILED).exists(), within=60)
        tab.until(f"document.querySelector('#run-{run}-status').dataset.status === 'failed'", within=60)
        assert tab.page.evaluate(f"() => {LINES}.length") == 10
        shows(tab, 10, 1)
        tab.until("document.querySelector('#items-retry')")
        assert "Worker lost" in tab.page.inner_text("main")
    finally:
        again.end()


def test_failed_items_are_filtered_paged_downloaded_and_run_again(owner: User, tab_of: TabOf, tmp_path: Path) -> None:
    tab = tab_of(owner)
    run = start(owner, 600)
    page = tab.open(f"/tasks/{run}/")
    for part in (0, 1):
        let_go(600, part)
    tab.until("document.querySelector('#items-retry')", within=60)
    page.click("#items-failed")
    page.wait_for_url("**/?items=failed#items")
    rows = "[...document.querySelectorAll('#items li.run-line')].map((row) => row.innerText.split('\\n')[0])"
    first = page.evaluate(f"() => {rows}")
    assert first == [str(number) for number in range(593, 343, -10)], "the latest first"
    page.focus("#items-next")
    page.keyboard.press("Enter")
    page.wait_for_url("**after=*")
    assert page.evaluate(f"() => {rows}") == [str(number) for number in range(343, 93, -10)]
    assert page.get_attribute("#items-failed", "aria-current") == "page"

    with page.expect_download() as download:
        page.click("#items-csv")
    download.value.save_as(tmp_path / "items.csv")
    table = list(csv.DictReader((tmp_path / "items.csv").read_text().splitlines()))
    assert (len(table), sum(row["outcome"] == "failed" for row in table)) == (600, 60)
    with page.expect_download() as download:
        page.click("text=Download log")
    download.value.save_as(tmp_path / "run.log")
    assert sum("INFO" in line for line in (tmp_path / "run.log").read_text().splitlines()) == 600

    page.click("#items-retry")
    page.wait_for_url(lambda url: run not in url)
    again = eventually(lambda: TaskRun.objects.filter(retry_of=run, status__in=FINAL).first(), what="it ran again")
    assert (again.status, again.result) == (Status.COMPLETED, {"did": 60})
    assert TaskItem.objects.filter(run=again, outcome="done").count() == 60
    shows(tab, 60, 0)
    assert tab.complaints == []


def test_whoever_stands_on_a_button_of_the_items_stays_there_while_they_grow(owner: User, tab_of: TabOf) -> None:
    tab = tab_of(owner)
    run = start(owner, 100)
    page = tab.open(f"/tasks/{run}/")
    shows(tab, 50, 5)
    page.focus("#items-next")
    let_go(100, 0)
    shows(tab, 100, 10)
    assert page.evaluate("() => document.activeElement.id") == "items-next"
    let_go(100, 1)
    assert tab.complaints == []
