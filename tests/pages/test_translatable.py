"""Every word of ours on every page comes from a catalog: with each message in brackets, none stands outside of them."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from ingest.decisions import Decision, Failure
from ingest.models import Article, Topic
from notifications import facade
from notifications.models import Notification
from tasks import queues, schedules, workers
from tasks.models import Schedule, TaskEvent, TaskItem, TaskRun
from tasks.schedules import Plan
from tasks.states import Status
from tasks.workers import WorkerState
from tests.pages.reading import Element, complaints, read
from tests.tasks.runs import make_run_in

LANGUAGES = {name for _code, name in settings.LANGUAGES}  # each in its own
DATA = "数据"  # what people and tasks have written: without a letter, so that any letter left is ours
SAID = ("title", "aria-label", "placeholder", "alt", "aria-description")
# Names of things, which no language changes, and what one types as it is.
NAMES = re.compile(
    r"https?://\S*|\w+\.\w+(\.\w+)*|[A-Za-z]+/[A-Za-z_/+-]+|/[\w/.-]*|[0-9a-f]{8}-[0-9a-f-]{27}|[\w.+-]+@[\w.-]+"
    r"|\b(default|no luck|Status board|UTC|RSS|Atom|JSON|OPML|CSV|HTML|API|Ctrl|Alt|Shift|Enter|Esc|HTTP|HMAC|de|en)\b"
    r"|\d+ (ms|s|min|h|d|MB|KB)\b"
)


class Pseudo:
    """Django's translations, each message in brackets."""

    def __getattr__(self, name: str) -> object:
        return getattr(translation.trans_real, name)  # type: ignore[attr-defined]

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message else ""

    def pgettext(self, context: str, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, one: str, many: str, number: float) -> str:
        return f"⟦{one if number == 1 else many}⟧"

    def npgettext(self, context: str, one: str, many: str, number: float) -> str:
        return self.ngettext(one, many, number)


@pytest.fixture
def brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is translated stands in brackets."""
    for name in ("gettext", "pgettext", "ngettext", "npgettext"):
        monkeypatch.setattr(translation._trans, name, getattr(Pseudo(), name))  # type: ignore[attr-defined]


class Reader:
    """Reads a page aloud, and keeps what stands in no brackets: a message may hold elements."""

    def __init__(self) -> None:
        self.depth = 0
        self.outside: list[str] = []

    def page(self, element: Element) -> None:
        """Hear an element with all in it."""
        if element.tag in {"script", "style", "code", "pre", "textarea"}:
            return
        for name in SAID:
            self.text(element.attrs.get(name, ""), f"{element.tag} {name}")
        if element.tag == "option" and element.text in {element.attrs.get("value"), *LANGUAGES}:
            return
        for part in element.parts:
            if isinstance(part, str):
                self.text(part, element.tag)
            else:
                self.page(part)

    def text(self, text: str, where: str) -> None:
        """Hear a text."""
        left = []
        for character in text:
            self.depth += (character == "⟦") - (character == "⟧")
            left.append(" " if self.depth or character == "⟧" else character)
        words = " ".join(NAMES.sub(" ", "".join(left)).split())
        if re.search(r"[A-Za-z]{2,}", words):
            self.outside.append(f"<{where}> {words}")


def untranslated(document: Element) -> list[str]:
    """What a page says that is in no catalog."""
    reader = Reader()
    reader.page(document)
    assert reader.depth == 0
    return reader.outside


@pytest.fixture
def person(db: None) -> User:
    """Staff, of no letters."""
    return User.objects.create_superuser(username=DATA)


@pytest.fixture
def pages(person: User, owner: User) -> list[str]:
    """Every page, with something of everything on it."""
    runs = {status: make_run_in(status, person, name=DATA, topic=DATA) for status in Status}
    for run in runs.values():
        TaskRun.objects.filter(pk=run.pk).update(stage=DATA, message=DATA, current_item=DATA, error=DATA, total_items=9)
        TaskEvent.objects.create(run=run, seq=90, kind="log", data={"level": "error", "message": DATA})
        for number, outcome in enumerate(TaskItem.Outcome.values):
            TaskItem.objects.create(run=run, key=f"{number}", outcome=outcome, error=DATA)
    TaskRun.objects.filter(status=Status.COMPLETED).update(result={"1": [DATA, True, None]})
    queues.pause("default", by=person)
    plan = Plan(name=DATA, task="ingest.jobs.collect", owner_id=person.pk, interval=timedelta(hours=1), topic=DATA)
    schedule = schedules.create(plan)
    Schedule.objects.filter(pk=schedule.pk).update(last_error=DATA, skipped=2, last_run=runs[Status.FAILED].pk)
    workers.register(WorkerState(name="1:1:1", restarts=1, trouble=DATA), restarted_ago=timedelta(seconds=1))
    facade.create_notification(username=DATA, type="task_failed", title=DATA, message=DATA, link="/tasks/")
    facade.create_notification(username=None, type="news", title=DATA, message=DATA)
    Notification.objects.update(title=DATA, message=DATA)  # those of the runs, too: what is stored is stored
    topic = Topic.objects.create(owner=person, name=DATA)
    topic.keywords.create(phrase=DATA)
    source = topic.sources.create(url="https://news.example/1", title=DATA, last_error=DATA, failures=1, folder=DATA)
    topic.sources.create(url="https://news.example/2", is_paused=True)
    for number, decision in enumerate(Decision):
        Article.objects.create(
            topic=topic,
            source=source,
            url=f"https://news.example/{number}",
            canonical_url=f"https://news.example/{number}",
            title=DATA,
            text=DATA,
            summary=DATA,
            decision=decision,
            failure=Failure.TIMEOUT if decision == Decision.FAILED else "",
            relevance=0.5,
            quality=0.5,
            language="de",
            decided_at=None if decision == Decision.PENDING else timezone.now(),
            analyzer="local",
        )
    names = (
        "dashboard",
        "tasks:list",
        "tasks:queue-list",
        "tasks:schedule-list",
        "tasks:schedule-new",
        "notifications:list",
        "articles",
    )
    names += (
        "notifications:preferences",
        "notifications:deliveries",
        "notifications:panel",
        "keyword-alerts",
        "sources",
    )
    names += ("topic-new", "collect-preferences", "bulk-analyze", "profile", "change-password")
    found = [reverse(name) for name in names] + [run.get_absolute_url() for run in runs.values()]
    found += [reverse("tasks:cancel", args=[runs[Status.RUNNING].pk]), "/tasks/?created_after=nonsense&q=1"]
    found += [reverse("tasks:bulk", args=[action]) for action in ("cancel", "retry")]
    found += [reverse(f"tasks:schedule-{name}", args=[schedule.pk]) for name in ("edit", "delete")]
    found += [reverse("article", args=[one.pk]) for one in topic.articles.all()]
    found += [reverse("article-bulk") + "?action=star", "/tasks/?status=failed&q=none"]
    found += [reverse(f"topic-{name}", args=[topic.pk]) for name in ("detail", "edit", "delete", "sources", "rules")]
    found += [reverse("source-import", args=[topic.pk]), reverse("source-edit", args=[topic.pk, source.pk])]
    return [*found, "/nothing/here/"]


def test_every_word_of_ours_comes_from_a_catalog(
    pages: list[str], person: User, client_of: Callable[[User], Client], brackets: None
) -> None:
    client = client_of(person)
    client.raise_request_exception = False
    outspoken: dict[str, str] = {}
    for path in pages:
        for words in untranslated(read(client.get(path).content)):
            outspoken.setdefault(words, path)
    for words in untranslated(read(Client().get(reverse("sign-in")).content)):
        outspoken.setdefault(words, "sign-in")
    assert not outspoken, "\n".join(f"{path}: {words}" for words, path in outspoken.items())


@pytest.mark.parametrize(("language", "greeting"), [("de", "Übersicht"), ("es", "Panel")])
def test_every_page_is_whole_in_every_language(
    pages: list[str], person: User, client_of: Callable[[User], Client], language: str, greeting: str
) -> None:
    client = client_of(person)
    asking = {"Accept-Language": language}
    assert read(client.get(reverse("dashboard"), headers=asking).content).one("h1").text == greeting
    for path in pages:
        response = client.get(path, headers=asking)
        document = read(response.content)
        assert response["Content-Language"] == language, path
        # Articles lead to where they stand.
        assert [one for one in complaints(document) if not one.startswith("leads elsewhere")] == [], path
        for page in document.all("html"):
            assert page.attrs["lang"] == language, path
