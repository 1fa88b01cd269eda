"""Two at once: nothing is swallowed, nothing fails."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from notifications import facade
from notifications.models import NotificationReceipt
from tests.racing import in_thread

pytestmark = pytest.mark.django_db(transaction=True)


def notify(username: str | None, title: str) -> None:
    facade.create_notification(username=username, type="t", title=title, message="M")


@pytest.mark.parametrize("addressee", ["owner", None])
def test_what_arrives_while_all_is_marked_stays_unread(owner: User, addressee: str | None) -> None:
    # Trap 29. The mark has been made and is not committed when the next one arrives.
    notify(addressee, "seen")
    with transaction.atomic():
        assert facade.mark_all_notifications_as_read(owner) == 1
        in_thread(lambda: notify(addressee, "arrived meanwhile"))
    unread = facade.get_user_notifications(owner, unread_only=True).notifications
    assert [notification.title for notification in unread] == ["arrived meanwhile"]


def test_what_was_written_before_but_committed_after_the_mark_stays_unread(owner: User) -> None:
    with transaction.atomic():
        notify("owner", "not visible yet")
        in_thread(lambda: facade.mark_all_notifications_as_read(owner))
    assert facade.get_unread_count(owner) == 1


def test_two_tabs_that_mark_all_at_once_make_one_receipt_each(owner: User) -> None:
    for number in range(5):
        notify(None, str(number))
    barrier = threading.Barrier(2)

    def tab() -> None:
        barrier.wait(timeout=10)
        facade.mark_all_notifications_as_read(owner)
        connection.close()

    tabs = [threading.Thread(target=tab) for _ in range(2)]
    for thread in tabs:
        thread.start()
    for thread in tabs:
        thread.join(timeout=20)
    assert NotificationReceipt.objects.count() == 5
    assert facade.get_unread_count(owner) == 0
