"""What the bell, letters and the log of deliveries say is in the language of whom they are for."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone, translation
from pytest_django.fixtures import Settings

from notifications import facade, mail, webhooks
from notifications.models import Notification, NotificationDelivery, NotificationDetails
from notifications.preferences import save_preferences
from tasks.models import TaskRun
from tests.notifications.receivers import Postbox, mail_server
from tests.pages.reading import page, read

pytestmark = pytest.mark.django_db

type ClientOf = Callable[[User], Client]


@pytest.fixture
def german(owner: User) -> User:
    """The owner, who reads German, and wants letters of everything."""
    User.objects.filter(pk=owner.pk).update(email="owner@example.com")
    save_preferences(owner, language="de", chosen={"": {"email": "at_once"}})
    return User.objects.get(pk=owner.pk)


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    """A mail server that takes everything."""
    with mail_server() as taken:
        yield taken


def notify(user: User, title: str, **fields: Any) -> Notification:
    return facade.create_notification(username=user.username, title=title, message="M", **{"type": "disk", **fields})


def send_all() -> None:
    NotificationDelivery.objects.filter(state="waiting").update(due_at=timezone.now())
    mail.send_due()


def test_a_letter_is_in_the_language_of_its_reader_whoever_sends_it(
    german: User, teammate: User, postbox: Postbox
) -> None:
    User.objects.filter(pk=teammate.pk).update(email="teammate@example.com")
    save_preferences(teammate, chosen={"": {"email": "at_once"}})
    for user in (german, teammate):
        for title in ("One", "Two"):
            notify(user, title, dedupe_key=title)
            notify(user, title, dedupe_key=title)
    with translation.override("es"):  # whatever the worker was at before
        send_all()
        assert translation.get_language() == "es"
    said = {letter["To"]: (letter["Subject"], letter.get_content()) for letter in postbox.letters}  # type: ignore[attr-defined]
    subject, text = said["owner@example.com"]
    assert subject == "2 Benachrichtigungen"
    for part in (
        "Guten Tag owner,",
        "One (2-mal)",
        "Alle Benachrichtigungen: http",
        "Was Ihnen gemeldet wird, und wie: http",
    ):
        assert part in text
    subject, text = said["teammate@example.com"]
    assert (subject, "Hello teammate," in text, "One (2 times)" in text) == ("2 notifications", True, True)


def test_why_nothing_was_sent_is_said_in_the_language_of_whom_it_was_for(german: User, teammate: User) -> None:
    save_preferences(teammate, chosen={"": {"email": "at_once"}})
    User.objects.filter(pk=teammate.pk).update(email="teammate@example.com")
    for user in (german, teammate):
        facade.mark_notification_as_read(notify(user, "Read").pk, user)
    send_all()
    log = dict(NotificationDelivery.objects.values_list("user__username", "outcome"))
    assert log == {"owner": "Sie wurde vorher gelesen.", "teammate": "It was read before."}


def test_a_storm_is_summed_up_in_the_language_of_whom_it_hits(german: User, teammate: User, settings: Settings) -> None:
    settings.NOTIFICATIONS_STORM_LIMIT = 1
    for user in (german, teammate):
        for number in range(3):
            notify(user, f"Lauf {number}", type="task_failed")
    said = dict(Notification.objects.filter(title__contains=":").values_list("user_id", "title"))
    assert said == {"owner": "Viele auf einmal: Lauf fehlgeschlagen", "teammate": "Many at once: task failed"}


def test_a_lazy_title_of_the_run_that_sends_a_webhook_is_stored_as_words(german: User, settings: Settings) -> None:
    save_preferences(german, chosen={"": {"webhook": "at_once"}}, webhook_url="https://hooks.example.com/")
    notify(german, "Disk full")
    assert webhooks.hand_over_due() == 1
    assert TaskRun.objects.get().name == "Webhook"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "de",
            ["Benachrichtigungen", "Lauf fehlgeschlagen", "Alle als gelesen markieren", "2.000-mal", "vor 5", "„Disk“"],
        ),
        (
            "es",
            [
                "Notificaciones",
                "Ejecución fallida",
                "Marcar todas como leídas",
                "2\N{NO-BREAK SPACE}000 veces",
                "hace 5",
                "«Disk»",
            ],
        ),
    ],
)
def test_the_page_and_the_bell_speak_the_language_of_who_looks(
    owner: User, client_of: ClientOf, language: str, words: list[str]
) -> None:
    save_preferences(owner, language=language)
    told = notify(owner, "Disk", type="task_failed", dedupe_key="disk")
    Notification.objects.filter(pk=told.pk).update(created_at=timezone.now() - timedelta(minutes=5, seconds=10))
    NotificationDetails.objects.filter(pk=told.pk).update(occurrences=2000)
    said = client_of(owner).get("/notifications/").content.decode()
    for part in words:
        assert part in said
    response = client_of(owner).post("/notifications/read-all/", follow=True)
    assert {"de": "1 als gelesen markiert.", "es": "1 marcada como leída."}[language] in response.content.decode()


def test_programs_hear_of_types_and_states_as_ever(german: User, client_of: ClientOf) -> None:
    notify(german, "Disk", type="task_failed")
    [row] = client_of(german).get("/api/notifications").json()["notifications"]
    [sent] = client_of(german).get("/api/notifications/deliveries").json()["deliveries"]
    assert (row["type"], sent["channel"], sent["state"]) == ("task_failed", "email", "waiting")


def test_the_panel_speaks_the_language_of_the_request_around_what_was_told(owner: User, client_of: ClientOf) -> None:
    notify(owner, "Disk full", type="task_failed")
    panel = read(client_of(owner).get("/notifications/panel/", headers={"Accept-Language": "de"}).content)
    notice = panel.one("article")
    assert "Disk full" in notice.text
    assert notice.one(class_="badge").text == "Lauf fehlgeschlagen"
    assert [button.attrs["title"] for button in notice.all("button", class_="button-icon")] == [
        *("Als gelesen markieren", "Verwerfen"),
    ]
    assert panel.one(id="bell-count").one(class_="visually-hidden").text == "Benachrichtigungen, 1 ungelesen"
    assert panel.one(class_="panel-foot").one("a").text == "Alle Benachrichtigungen"


def test_types_and_choices_of_the_preferences_are_in_the_language_of_the_page(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "es"
    document = page(client, "/notifications/preferences/")
    letters = document.one("select", id="id_other-email")
    assert [option.text for option in letters.all("option")] == ["Al momento", "Cada hora", "Cada día", "Nunca"]
    assert document.one("label", **{"for": "id_other-email"}).text == "Correo para Todo lo demás"
    with translation.override("es"):
        failed = translation.gettext("Runs that failed")  # the label is of the room above
    assert failed != "Runs that failed"
    assert document.one("label", **{"for": "id_task_failed-in_app"}).text == f"Campana para {failed}"
