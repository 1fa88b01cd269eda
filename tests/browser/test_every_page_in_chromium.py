"""What holds for every page in a real browser: large and small, light and dark, narrow, with keys alone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser

from ingest.models import Article, Topic
from notifications import facade
from tasks import queues, schedules, workers
from tasks.models import Schedule, TaskEvent, TaskItem, TaskRun, WorkerState
from tasks.schedules import Plan
from tasks.states import Status
from tests.browser.axe import violations
from tests.browser.looks import FITS, FOCUSED, MEASURE, REACHABLE, faults
from tests.browser.tabs import Tab
from tests.servers import Server
from tests.tasks.runs import make_run, make_run_in

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(300)]

# Pages on which an ordinary user sees other things than staff.
OWN = ("/", "/tasks/", "/keyword-alerts/")

LONG = ("Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüsselanhänger" * 3)[:190]


@pytest.fixture
def arguments() -> tuple[str, ...]:
    """The web side alone: what waits here is to wait."""
    return ("--no-worker",)


@pytest.fixture
def paths(staff: User, owner: User) -> list[str]:
    """Every page of staff, with something to show on each, some of it too long."""
    runs = [make_run_in(status, owner, name=name, topic=name) for status in Status for name in ("Import", LONG)]
    for run in runs:
        if run.status != Status.PENDING:
            TaskRun.objects.filter(pk=run.pk).update(stage=LONG[:90], current_item=LONG, error=LONG, traceback=LONG)
            TaskEvent.objects.bulk_create(
                TaskEvent(run=run, seq=seq, kind="log", data={"level": level, "message": f"{LONG}\n{LONG}"})
                for seq, level in enumerate(("info", "warning", "error"), start=20)
            )
            TaskItem.objects.bulk_create(
                TaskItem(run=run, key=f"{n} {LONG}", outcome="failed" if n % 2 else "done", error=LONG)
                for n in range(60)
            )
    make_run(owner, queue=LONG[:30])
    queues.pause("default", by=staff)
    schedule = schedules.create(
        Plan(name=LONG, task="ingest.jobs.collect", owner_id=owner.pk, interval=timedelta(hours=1), topic=LONG[:90])
    )
    Schedule.objects.filter(pk=schedule.pk).update(last_error=LONG, skipped=2, last_run=runs[0].pk)
    workers.register(WorkerState(name=f"{LONG[:90]}:1:1", restarts=1, trouble=LONG), restarted_ago=timedelta(seconds=1))
    facade.create_notification(username="staff", type="news", title=LONG, message=LONG)
    topic = Topic.objects.create(owner=owner, name="Energy")
    topic.keywords.create(phrase="heat pump")
    source = topic.sources.create(url=f"https://news.example/{LONG}", last_error=LONG, failures=1, folder=LONG[:90])
    Topic.objects.create(owner=staff, name=LONG[:90]).sources.create(url=source.url, title=LONG, is_paused=True)
    article = Article.objects.create(
        topic=topic, url="https://news.example/1", canonical_url="https://news.example/1", title=LONG, text=LONG
    )
    names = [
        "dashboard",
        "tasks:list",
        "tasks:queue-list",
        "tasks:schedule-list",
        "tasks:schedule-new",
        "notifications:list",
    ]
    names += [
        "notifications:preferences",
        "notifications:deliveries",
        "keyword-alerts",
        "topic-new",
        "collect-preferences",
        "bulk-analyze",
    ]
    names += [
        "articles",
        "sources",
        "profile",
        "change-password",
        "token-list",
        "session-list",
        "styleguide",
        "audit-list",
    ]
    found = [reverse(name) for name in names]
    found += [run.get_absolute_url() for run in runs[1::2]]
    found += [runs[7].get_absolute_url() + "?items=failed", reverse("tasks:cancel", args=[runs[0].pk])]
    found += [reverse("tasks:bulk", args=[action]) for action in ("cancel", "retry")]
    found += [reverse(f"tasks:schedule-{name}", args=[schedule.pk]) for name in ("edit", "delete")]
    found += [reverse("article", args=[article.pk]), reverse("article-bulk") + "?action=star"]
    found += [reverse(f"topic-{name}", args=[topic.pk]) for name in ("detail", "edit", "delete", "sources", "rules")]
    found += [reverse("source-import", args=[topic.pk]), reverse("source-edit", args=[topic.pk, source.pk])]
    return [*found, "/nothing/here/"]


def tab_with(chromium: Browser, server: Server, session: str, *, width: int) -> Tab:
    """A signed-in tab of this width, of a person who wants no motion."""
    context = chromium.new_context(viewport={"width": width, "height": 844}, reduced_motion="reduce")
    context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    return Tab.of(context.new_page(), server.url)


@pytest.fixture
def session(staff: User, client_of) -> str:  # type: ignore[no-untyped-def]
    """The session of staff."""
    return str(client_of(staff).cookies["sessionid"].value)


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_keeps_nobody_out_and_says_nothing_to_the_console(
    server: Server,
    chromium: Browser,
    session: str,
    paths: list[str],
    owner: User,
    client_of: Callable[[User], Client],
    width: int,
) -> None:
    tab = tab_with(chromium, server, session, width=width)
    wrong = {path: found for path in paths if (found := faults(tab.open(path), width))}

    tab.open("/").click(".bell")
    tab.until("document.querySelector('#bell-panel article')")
    for scheme in ("light", "dark"):
        tab.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if found := [*violations(tab.page, "#bell-panel"), *tab.page.evaluate(MEASURE), *tab.page.evaluate(FITS)]:
            wrong[f"the bell, {scheme}"] = found
    tab.page.emulate_media(color_scheme="light")

    # An ordinary user sees other parts of some pages, and who is signed out has pages of their own.
    cookies = tab.page.context
    cookies.clear_cookies()
    looked_at = {"signed out": faults(tab.open("/sign-in/?next=/tasks/"), width)}
    tab.page.fill("[name=username]", "nobody")
    tab.page.fill("[name=password]", "wrong")
    with tab.page.expect_navigation():
        tab.page.keyboard.press("Enter")
    looked_at["sign-in refused"] = faults(tab.page, width)
    theirs = str(client_of(owner).cookies["sessionid"].value)
    cookies.add_cookies([{"name": "sessionid", "value": theirs, "url": server.url}])
    looked_at |= {f"{path} of its owner": faults(tab.open(path), width) for path in OWN}
    wrong |= {what: found for what, found in looked_at.items() if found}
    assert not wrong, "\n".join(f"{what}: {fault}" for what, found in wrong.items() for fault in found)
    assert [words for words in tab.complaints if "404" not in words] == []


def test_every_page_can_be_used_with_keys_alone(
    server: Server, chromium: Browser, session: str, paths: list[str]
) -> None:
    tab = tab_with(chromium, server, session, width=1280)
    for path in paths:
        page = tab.open(path)
        reachable = set(page.evaluate(REACHABLE))
        for _ in range(3 * len(reachable)):
            page.keyboard.press("Tab")
            focused = page.evaluate(FOCUSED)
            if focused is None:  # past the last
                break
            assert focused["shown"], (path, focused["called"])
            reachable.discard(focused["called"])
        assert reachable == set(), path
