"""The code of the how-to pages, run as it stands there: resuming, limiting, testing and moving."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import User

from tasks import ledger, lifecycle
from tasks.models import TaskRun
from tests.docs.conftest import Make
from tests.docs.runs import ended
from tests.documented import all_blocks
from tests.workers import WorkerThread

GIVEN_FOR_RESUMING = """
from collections import Counter
from types import SimpleNamespace
RESIZED, COPIED, TROUBLE = Counter(), [], ["c.png", 250]
def trouble(where, error):
    if where in TROUBLE:
        TROUBLE.remove(where)
        raise error
def resize(key, width):
    trouble(key, MemoryError("as if the worker had died") if key == "c.png" else OSError())
    if key == "b.png": raise OSError("no picture")
    RESIZED[key] += 1
    return width
def accounts_after(last, limit):
    return [SimpleNamespace(id=each) for each in range(last + 1, min(last + limit, 300) + 1)]
def copy(rows):
    trouble(250 if rows[-1].id > 200 else 0, ConnectionError("away"))
    COPIED.extend(row.id for row in rows)
"""


def test_work_of_the_resuming_page_goes_on_where_it_was(worker: WorkerThread, owner: User, shown: Make) -> None:
    module = shown("docs/resuming.md", GIVEN_FOR_RESUMING)
    started = module.start_resizing(owner, ["a.png", "b.png", "c.png", "d.png"])
    copied = ended(module.copy_accounts.enqueue().id)
    assert (copied.status, copied.attempt, copied.result) == ("completed", 2, {"last": 300})
    assert list(range(1, 301)) == module.COPIED
    pictures = ended(started)
    assert (pictures.status, pictures.attempt, ledger.counts_of(pictures.pk)) == (
        "completed",
        2,
        {"done": 3, "failed": 1},
    )
    assert module.RESIZED == {"a.png": 1, "c.png": 1, "d.png": 1}
    again = ended(lifecycle.retry_failed_items(pictures, by=owner).pk)
    assert (again.result, ledger.counts_of(again.pk)) == ({"resized": 1}, {"done": 0, "failed": 1})


GIVEN_FOR_LIMITING = """
import asyncio, threading, time
from collections import Counter
AT_ONCE, MOST, LOCK = Counter(), Counter(), threading.Lock()
def busy(key):
    with LOCK:
        AT_ONCE[key] += 1
        MOST[key] = max(MOST[key], AT_ONCE[key])
    time.sleep(0.1)
    with LOCK:
        AT_ONCE[key] -= 1
def partner(order): busy("partner")
def rebuild(shop): busy(shop)
async def fetch(address): await asyncio.sleep(60)
def parse(path): time.sleep(60)
"""


def test_limits_of_the_limiting_page_hold(worker: WorkerThread, shown: Make, settings: Any) -> None:
    settings.TASKS = {"default": {**settings.TASKS["default"], "QUEUES": ["default", "reports"]}}
    module = shown("docs/limiting.md", GIVEN_FOR_LIMITING)
    asked = [module.ask_partner.enqueue(order).id for order in range(3)]
    rebuilt = [module.rebuild_one_at_a_time_per_shop("north").id for _ in range(2)]
    under_way = module.rebuild_unless_under_way("south")
    assert module.rebuild_unless_under_way("south") == under_way
    slow = ended(module.read_slow_page.enqueue("https://slow.example/").id)
    strange = ended(module.parse_strange_file.enqueue("x.bin").id)
    assert {(run.status, run.error) for run in (slow, strange)} == {("failed", "Timed out after 1 s.")}
    report = TaskRun.objects.get(pk=module.order_yearly_report(2026).id)
    assert (report.queue, report.priority) == ("reports", -10)
    assert {ended(run).status for run in (*asked, *rebuilt, under_way)} == {"completed"}
    assert module.MOST["partner"] == 2
    assert module.MOST["north"] == 1


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The file that docs/testing.md begins with."""
    [tasks] = [one for one in all_blocks("docs/testing.md") if one.title]
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / tasks.title).write_text(tasks.text)
    yield
    sys.modules.pop("shop_tasks", None)


def test_the_tests_that_the_testing_page_writes_pass(engine_tables: None, shop: None, shown: Make) -> None:
    module: ModuleType = shown("docs/testing.md", "")
    module.test_vat_is_added()
    module.test_an_order_starts_its_total()
    TaskRun.objects.get().delete()
    working = module.worker._get_wrapped_function()(None)
    worker = next(working)
    module.test_the_total_of_an_order(worker)
    module.test_a_total_of_words_fails_and_says_why(worker)
    next(working, None)


def test_the_task_that_came_from_celery_runs(worker: WorkerThread, shown: Make) -> None:
    module = shown("docs/moving.md", "SENT = []\nsend_letter = SENT.append")
    run = ended(TaskRun.objects.get().pk)
    assert (run.status, run.max_attempts, module.SENT) == ("completed", 4, ["ann", "bob"])
