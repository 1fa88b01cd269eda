"""Letters, over a real mail server: gathered, on time, without what was read, each one once."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from notifications import facade, mail
from notifications.deliveries import MOST_ATTEMPTS
from notifications.models import Notification, NotificationDelivery
from notifications.preferences import save_preferences
from tests.notifications.receivers import Postbox, mail_server
from tests.racing import race

pytestmark = pytest.mark.django_db


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    """A mail server that takes everything."""
    with mail_server() as taken:
        yield taken


@pytest.fixture
def reader(owner: User) -> User:
    """The owner, who wants a letter at once of everything."""
    User.objects.filter(pk=owner.pk).update(email="owner@example.com")
    save_preferences(owner, chosen={"": {"email": "at_once"}})
    return User.objects.get(pk=owner.pk)


def notify(user: User | None, title: str = "Disk full", **fields: Any) -> Notification:
    username = None if user is None else user.username
    return facade.create_notification(username=username, title=title, **{"type": "disk", "message": "M", **fields})


def make_due() -> None:
    NotificationDelivery.objects.filter(state="waiting").update(due_at=timezone.now())


def log() -> list[tuple[str, str]]:
    return list(NotificationDelivery.objects.order_by("id").values_list("state", "outcome"))


def test_one_notification_is_one_letter(reader: User, postbox: Postbox, settings: Any) -> None:
    settings.SITE_URL = "https://status.example.com"
    notify(reader, "Import failed\nBcc: everyone@example.com", message="No room\nleft", link="/tasks/7/")
    assert mail.send_due() == 1
    [letter] = postbox.letters
    assert (letter["To"], letter["Subject"]) == ("owner@example.com", "Import failed Bcc: everyone@example.com")
    assert "Bcc" not in letter
    text = letter.get_content()  # type: ignore[attr-defined]
    for part in ("No room", "https://status.example.com/tasks/7/", "https://status.example.com/notifications/"):
        assert part in text
    assert letter["Auto-Submitted"] == "auto-generated"
    assert log() == [("sent", "")]
    assert mail.send_due() == 0


def test_what_is_due_together_is_one_letter(reader: User, postbox: Postbox) -> None:
    for number in range(3):
        notify(reader, f"News {number} <b>&amp;")
    assert mail.send_due() == 1
    [letter] = postbox.letters
    assert letter["Subject"] == "3 notifications"
    assert "News 2 <b>&amp;" in letter.get_content()  # type: ignore[attr-defined]


def test_nobody_gets_a_letter_they_did_not_ask_for(owner: User, teammate: User, postbox: Postbox) -> None:
    User.objects.update(email="somebody@example.com")
    notify(owner)
    notify(None)
    make_due()
    assert (mail.send_due(), log()) == (0, [])


def test_what_was_read_or_dismissed_meanwhile_is_not_written_of(reader: User, postbox: Postbox) -> None:
    read, dismissed, broadcast = notify(reader, "read"), notify(reader, "dismissed"), notify(None, "for all")
    facade.mark_notification_as_read(read.pk, reader)
    facade.delete_notification(dismissed.pk, reader)
    facade.mark_notification_as_read(broadcast.pk, reader)
    assert mail.send_due() == 0
    assert [state for state, _ in log()] == ["skipped"] * 3
    assert not postbox.letters


def test_gathered_news_waits_for_its_hour(reader: User, postbox: Postbox) -> None:
    save_preferences(reader, chosen={"": {"email": "daily"}})
    notify(reader)
    assert mail.send_due() == 0
    make_due()
    assert mail.send_due() == 1


def test_a_silenced_type_rings_no_bell_and_is_still_written_of(reader: User, postbox: Postbox) -> None:
    save_preferences(reader, chosen={"": {"in_app": "never"}})
    notify(reader)
    assert facade.get_unread_count(reader) == 0
    assert [row.title for row in facade.get_user_notifications(reader).notifications] == ["Disk full"]
    assert mail.send_due() == 1


def test_a_broadcast_is_written_to_those_who_want_it(reader: User, teammate: User, postbox: Postbox) -> None:
    User.objects.filter(pk=teammate.pk).update(email="teammate@example.com")
    notify(None)
    mail.send_due()
    assert [letter["To"] for letter in postbox.letters] == ["owner@example.com"]


def test_a_group_is_written_to_person_by_person(reader: User, teammate: User, postbox: Postbox) -> None:
    User.objects.filter(pk=teammate.pk).update(email="teammate@example.com")
    save_preferences(teammate, chosen={"": {"email": "at_once"}})
    facade.create_notifications(usernames=["owner", "teammate"], type="t", title="T", message="M")
    assert mail.send_due() == 2
    assert {letter["To"] for letter in postbox.letters} == {"owner@example.com", "teammate@example.com"}


def test_repeated_news_is_written_of_once_an_hour(reader: User, postbox: Postbox) -> None:
    for _ in range(3):
        notify(reader, dedupe_key="disk")
    mail.send_due()
    notify(reader, dedupe_key="disk")
    assert mail.send_due() == 0
    NotificationDelivery.objects.update(created_at=timezone.now() - timedelta(hours=2))
    notify(reader, dedupe_key="disk")
    assert mail.send_due() == 1
    assert "(5 times)" in postbox.letters[-1].get_content()  # type: ignore[attr-defined]


def test_a_server_that_refuses_is_tried_again_later_and_not_for_ever(reader: User, postbox: Postbox) -> None:
    postbox.refuses = "451 greylisted, secret=42"
    notify(reader)
    for _ in range(MOST_ATTEMPTS):
        assert mail.send_due() == 0
        make_due()
    [(state, outcome)] = log()
    assert state == "failed"
    assert "mail server" in outcome
    assert "secret" not in outcome


def test_a_server_that_is_back_gets_the_letter(reader: User, postbox: Postbox) -> None:
    postbox.refuses = "421 closing"
    notify(reader)
    mail.send_due()
    assert mail.send_due() == 0, "a pause comes first"
    postbox.refuses = ""
    make_due()
    assert mail.send_due() == 1


def test_whoever_has_left_is_not_written_to(reader: User, postbox: Postbox) -> None:
    notify(reader)
    User.objects.filter(pk=reader.pk).update(is_active=False)
    assert mail.send_due() == 0
    assert [state for state, _ in log()] == ["skipped"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_write_one_letter(reader: User, postbox: Postbox) -> None:
    notify(reader)
    assert sorted(race(mail.send_due, mail.send_due)) == [0, 1]  # type: ignore[type-var]
    assert len(postbox.letters) == 1
