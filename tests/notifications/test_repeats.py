"""The same news again, floods of it, and news that expires or grows old: what a person sees stays readable and true."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from notifications import facade, upkeep
from notifications.models import Notification, NotificationDetails
from notifications.news import fields_of
from tests.racing import race


def notify(user: User | None, title: str = "Disk full", **fields: Any) -> Notification:
    username = None if user is None else user.username
    return facade.create_notification(username=username, title=title, **{"type": "disk", "message": "M", **fields})


def seen(user: User) -> list[tuple[str, int, bool]]:
    return [(row.title, row.occurrences, row.read) for row in facade.get_user_notifications(user).notifications]


@pytest.mark.django_db
def test_the_same_news_while_unread_is_counted_and_rises(owner: User) -> None:
    first = notify(owner, dedupe_key="disk")
    notify(owner, "Something else")
    again = notify(owner, "Disk fuller", dedupe_key="disk")
    assert again.pk == first.pk
    assert again.created_at > first.created_at
    assert seen(owner) == [("Disk fuller", 2, False), ("Something else", 1, False)]
    assert facade.get_unread_count(owner) == 2
    assert fields_of(again)["occurrences"] == 2


@pytest.mark.django_db
def test_news_that_was_read_is_told_anew(owner: User) -> None:
    first = notify(owner, dedupe_key="disk")
    facade.mark_notification_as_read(first.pk, owner)
    notify(owner, dedupe_key="disk")
    assert seen(owner) == [("Disk full", 1, False), ("Disk full", 1, True)]


@pytest.mark.django_db
def test_a_key_is_one_persons_own(owner: User, stranger: User) -> None:
    notify(owner, dedupe_key="disk")
    notify(stranger, dedupe_key="disk")
    assert [len(seen(user)) for user in (owner, stranger)] == [1, 1]


@pytest.mark.django_db
def test_a_broadcast_has_no_key(owner: User) -> None:
    with pytest.raises(ValueError, match="told once"):
        notify(None, dedupe_key="disk")


@pytest.mark.django_db
def test_a_severity_nobody_knows_is_refused(owner: User) -> None:
    with pytest.raises(ValueError, match="info, success, warning, error"):
        notify(owner, severity="dire")


@pytest.mark.django_db
def test_marking_all_up_to_one_leaves_what_rose_after_it(owner: User) -> None:
    notify(owner, dedupe_key="disk")
    newest_seen = notify(owner, "Something else")
    notify(owner, "Disk fuller", dedupe_key="disk")
    assert facade.mark_all_notifications_as_read(owner, up_to=newest_seen.pk) == 1
    assert seen(owner) == [("Disk fuller", 2, False), ("Something else", 1, True)]


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_are_one_told_ten_times(owner: User) -> None:
    answers = race(*[lambda: notify(owner, dedupe_key="disk")] * 10)
    assert len({answer.pk for answer in answers if isinstance(answer, Notification)}) == 1
    assert seen(owner) == [("Disk full", 10, False)]


@pytest.mark.django_db
def test_a_storm_becomes_a_count_and_loses_none(owner: User, settings: Any) -> None:
    settings.NOTIFICATIONS_STORM_LIMIT = 5
    for number in range(12):
        notify(owner, f"Run {number} failed", type="task_failed")
    notify(owner, "Other news", type="other")
    rows = seen(owner)
    assert rows[:2] == [("Other news", 1, False), ("Many at once: task failed", 7, False)]
    assert sum(occurrences for _, occurrences, _ in rows) == 13
    assert Notification.objects.get(title__startswith="Many").message == "The newest: Run 11 failed"


@pytest.mark.django_db
def test_a_storm_of_one_person_is_none_of_anothers(owner: User, teammate: User, settings: Any) -> None:
    settings.NOTIFICATIONS_STORM_LIMIT = 2
    for _ in range(4):
        notify(owner)
    notify(teammate)
    assert seen(teammate) == [("Disk full", 1, False)]


@pytest.mark.django_db
def test_what_has_expired_goes_for_whoever_it_was(owner: User, teammate: User) -> None:
    past = timezone.now() - timedelta(seconds=1)
    notify(owner, "gone", expires_at=past)
    notify(None, "gone for all", expires_at=past)
    notify(owner, "stays", expires_at=timezone.now() + timedelta(hours=1))
    notify(None, "stays for all")
    assert upkeep.delete_expired() == 2
    assert [title for title, _, _ in seen(owner)] == ["stays for all", "stays"]
    assert facade.get_unread_count(teammate) == 1
    assert NotificationDetails.objects.count() == 1


@pytest.mark.django_db
def test_read_ones_are_kept_a_while_and_unread_ones_longer(owner: User, settings: Any) -> None:
    settings.NOTIFICATIONS_KEEP_DAYS = 10
    for title, days, read in [("new", 9, True), ("read", 11, True), ("unread", 39, False), ("forgotten", 41, False)]:
        made = notify(owner, title)
        at = timezone.now() - timedelta(days=days)
        Notification.objects.filter(pk=made.pk).update(created_at=at, read=read)
    assert upkeep.delete_old() == 2
    assert {title for title, _, _ in seen(owner)} == {"new", "unread"}
