"""What people read of runs is in their language; what programs read, and the terminal, is English as before."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy
from pytest_django.fixtures import Settings

from notifications.models import Notification
from notifications.preferences import save_preferences
from tasks import lifecycle, schedules, sentences
from tasks.filters import Filters
from tasks.history import Hour
from tasks.history_charts import outcomes_chart
from tasks.models import Schedule, TaskRun
from tasks.presenters import duration_text, eta_text, present_run, render_run_fragments
from tasks.schedule_pages import rhythm_of
from tasks.schedules import Plan, database_now
from tasks.states import Status
from tasks.trees import tree_of
from tasks.updates import frame_of
from tests.pages.reading import page, read
from tests.tasks import functions
from tests.tasks.runs import make_run, make_run_in

type ClientOf = Callable[[User], Client]
GONE = "tests.tasks.functions.gone"
SENTENCES = [text for name, text in vars(sentences).items() if name.isupper() and isinstance(text, str)]


@pytest.fixture
def german(client_of: ClientOf, owner: User) -> Client:
    """The owner's browser, which asks for German."""
    client = client_of(owner)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    return client


def test_the_list_its_filters_and_what_is_wrong_with_them_are_translated(german: Client, owner: User) -> None:
    make_run_in(Status.COMPLETED, owner)
    document = page(german, "/tasks/")
    assert document.one("h1").text == "Läufe"
    assert [tab.text for tab in document.one("nav", class_="filters").all("a")] == [
        *("Alle", "Laufend", "Wartend", "Abgeschlossen", "Fehlgeschlagen", "Abgebrochen"),
    ]
    assert document.one(class_="badge-good").text == "Abgeschlossen"
    wrong = page(german, "/tasks/?status=lost&created_before=soon")
    said = wrong.one(class_="banner-error").text
    assert "Status 'lost' ist keines von pending, running" in said
    assert "Erstellt vor ist weder Datum noch Uhrzeit" in said
    assert "Nur Läufe mit „import“, erstellt in der letzten Stunde." in page(german, "/tasks/?q=import&last=1h").text


def test_a_run_tells_its_story_in_the_language_of_whoever_reads_it(german: Client, owner: User, client_of: Any) -> None:
    run = lifecycle.rescue(make_run_in(Status.RUNNING, owner))
    assert run.error == sentences.LOST_FOR_GOOD  # what is stored, and what programs get, stays English
    document = page(german, run.get_absolute_url())
    assert document.one(id=f"run-{run.pk}-outcome").text.startswith("Worker verloren: Der ausführende Prozess")
    assert [line.text for line in document.one(id=f"run-{run.pk}-events").all(class_="event-text")] == [
        *("Fehlgeschlagen", "Gestartet", "Eingereiht"),
    ]
    assert german.get(f"/api/background-tasks/task/{run.pk}").json()["task"]["error"] == sentences.LOST_FOR_GOOD
    english = page(client_of(owner), run.get_absolute_url())
    assert english.one(id=f"run-{run.pk}-outcome").text == sentences.LOST_FOR_GOOD


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("language", ["de", "es"])
def test_what_the_machinery_noted_is_known_again_and_translated(language: str, sentence: str) -> None:
    values = {name: f"<{name}>" for name in re.findall(r"%\((\w+)\)s", sentence)}
    noted = sentence % values
    assert sentences.said(noted) == noted
    with translation.override(language):
        said = sentences.said(noted)
    assert said != noted
    assert all(value in said for value in values.values())
    assert "%(" not in said


def test_a_note_within_a_note_is_translated_and_what_a_function_said_is_not() -> None:
    inner = sentences.TIMED_OUT % {"duration": "5 min"}
    with translation.override("de"):
        said = sentences.said(sentences.ATTEMPT_FAILED % {"number": 2, "error": inner})
        assert said == "Versuch 2 fehlgeschlagen: Zeit überschritten nach 5 min."
        assert sentences.said("Failed to connect") == "Failed to connect"


@pytest.mark.parametrize(
    ("language", "seconds", "text"),
    [
        ("de", 2, "noch wenige Sekunden"), ("de", 41, "noch etwa 45 s"), ("de", 4300, "noch etwa 1 h 20 min"),
        ("es", 2, "quedan unos segundos"), ("es", 61, "quedan unos 2 min"),
    ],
)  # fmt: skip
def test_the_time_left_is_said_in_the_language(language: str, seconds: int, text: str) -> None:
    with translation.override(language):
        assert eta_text(seconds) == text
        assert duration_text(90_000) == "1 d 1 h"


def test_one_and_several_numbers_and_shares_read_as_the_language_does() -> None:
    def hour(**ended: int) -> list[Hour]:
        start = timezone.now().replace(minute=0)
        return [
            Hour(start=start - timedelta(hours=back), ended=ended if not back else {}) for back in range(23, -1, -1)
        ]

    with translation.override("de"):
        assert outcomes_chart(hour(completed=1)).words == "1 Lauf endete in den letzten 24 Stunden."
        chart = outcomes_chart(hour(completed=11_000, failed=1345))
        assert chart.words == "12.345 Läufe endeten in den letzten 24 Stunden. 10,9\u00a0% davon schlugen fehl."
        assert chart.rows[0].cells == ("11.000", "1.345", "0")
        texts = [node.text for node in tree_of([12345, 1234.5, 1e20, True, None, ""])]
        assert texts == ["12.345", "1.234,5", "1e+20", "ja", "nichts", "leer"]
        every = [rhythm_of(Schedule(interval=timedelta(minutes=minutes))) for minutes in (1, 15, 60, 2880)]
        assert every == ["Jede Minute", "Alle 15 Minuten", "Jede Stunde", "Alle 2 Tage"]


@pytest.mark.parametrize("status", list(Status))
def test_a_view_holds_words_of_the_language_and_nothing_lazy(status: Status, owner: User) -> None:
    run = make_run_in(status, owner)
    with translation.override("es"):
        view = present_run(run, owner)
    words = {"pending": "En espera", "running": "En curso", "completed": "Completada", "failed": "Fallida"}
    assert view.word == words.get(status, "Cancelada")
    json.dumps(asdict(view), default=lambda moment: moment.isoformat())


def test_a_fragment_is_drawn_in_the_active_language_from_an_english_frame(owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    TaskRun.objects.filter(pk=run.pk).update(total_items=20_000, processed_items=9000, progress=45)
    with translation.override("de"):
        frame = json.loads(json.dumps(frame_of(TaskRun.objects.get(pk=run.pk))))
        drawn = read(render_run_fragments([frame])[0])
        assert drawn.one(id=f"run-{run.pk}-status").text == "Läuft"
        assert drawn.one(class_="progress-count").text == "9.000 von 20.000 45 %"
        assert drawn.one(id=f"run-{run.pk}-progress").attrs["data-percent"] == "45"
        assert drawn.one("progress").attrs["value"] == "45.0"
        TaskRun.objects.filter(pk=run.pk).update(cancel_requested_at=timezone.now())
        assert frame_of(TaskRun.objects.get(pk=run.pk))["message"] == "Cancelling…"


def test_a_notification_speaks_to_the_owner_whoever_ends_the_run(owner: User) -> None:
    save_preferences(owner, language="de")
    lifecycle.rescue(make_run_in(Status.RUNNING, owner, name="Import"))
    told = Notification.objects.get()
    assert told.title == "Import: fehlgeschlagen"
    assert told.message.startswith("„Import“ ist fehlgeschlagen: Worker verloren")


def test_why_a_schedule_did_not_start_is_said_to_whom_it_runs_for(owner: User, settings: Settings) -> None:
    save_preferences(owner, language="de")
    settings.TASKS_SCHEDULABLE = {"tests.tasks.functions.add": "", GONE: ""}
    plan = Plan(name="Hourly", task="tests.tasks.functions.add", kwargs={"a": 1, "b": 2}, owner_id=owner.pk)
    schedule = schedules.create(Plan(**{**vars(plan), "interval": timedelta(hours=1)}))
    Schedule.objects.filter(pk=schedule.pk).update(task=GONE, next_run_at=database_now() - timedelta(minutes=20))
    assert schedules.fire_due() == 0
    schedule.refresh_from_db()
    assert schedule.last_error == f"Die Funktion {GONE} gibt es nicht mehr."


def test_a_lazy_title_is_said_when_the_run_is_made(owner: User) -> None:
    named = functions.add.using(owner=owner, title=gettext_lazy("Background tasks"))
    with translation.override("es"):
        run = TaskRun.objects.get(pk=named.enqueue(1, 2).id)
    assert run.name == "Tareas en segundo plano"
    assert Filters.of({"q": "segundo plano"}).apply(TaskRun.objects.all()).get() == run


def test_the_terminal_speaks_english_whatever_the_site_does(owner: User) -> None:
    make_run_in(Status.FAILED, owner)
    out = io.StringIO()
    with translation.override("de"):
        call_command("tasks", "list", "--status", "failed", stdout=out)
        assert translation.get_language() == "de"
    assert "Failed" in out.getvalue()
    assert "Fehlgeschlagen" not in out.getvalue()


def test_dates_are_written_as_the_language_orders_them() -> None:
    moment = timezone.now().replace(year=2026, month=10, day=3, hour=8, minute=5)
    with translation.override("de"):
        [phrase] = Filters.of({"created_after": moment.isoformat()}).phrases()
        assert phrase == f"erstellt ab 3. {date_format(moment, 'M')} 2026, 08:05 UTC"


def test_the_admin_names_columns_in_the_language_and_the_models_do_not_change(staff: User, client_of: ClientOf) -> None:
    User.objects.filter(pk=staff.pk).update(is_superuser=True)
    make_run(staff)
    client = client_of(User.objects.get(pk=staff.pk))
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    text = page(client, "/admin/tasks/taskrun/").text
    assert "Eigentümer" in text
    assert "Ausgewählte Läufe abbrechen" in text
    assert TaskRun._meta.get_field("run_after").deconstruct()[3].get("verbose_name") is None
