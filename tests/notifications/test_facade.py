"""What a user sees, reads and deletes; and that nobody else notices."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications import facade
from notifications.counting import UNREAD_CAP, unread_counts
from notifications.links import LinkRefused
from notifications.models import Notification, NotificationReceipt
from notifications.paging import COUNT_CAP, BadCursor
from notifications.recipients import Recipient

pytestmark = pytest.mark.django_db


def notify(user: User | None, title: str = "Title", **fields: Any) -> Notification:
    username = None if user is None else user.username
    return facade.create_notification(username=username, title=title, **{"type": "t", "message": "M", **fields})


def titles(user: User, **filters: Any) -> list[str]:
    return [notification.title for notification in facade.get_user_notifications(user, **filters).notifications]


# Writing


def test_a_notification_is_stored_as_given(owner: User) -> None:
    made = facade.create_notification(
        username="owner", type="auto_ingest_complete", title="Done", message="100 articles", link="/keyword-alerts/"
    )
    stored = Notification.objects.get()
    assert stored == made
    assert (stored.username, stored.type, stored.title) == ("owner", "auto_ingest_complete", "Done")
    assert (stored.message, stored.link, stored.read) == ("100 articles", "/keyword-alerts/", False)


def test_texts_that_do_not_fit_are_cut_and_not_refused(owner: User) -> None:
    made = facade.create_notification(username="owner", type="x" * 99, title="ü" * 999, message="m" * 99_999)
    stored = Notification.objects.get(pk=made.pk)
    assert (len(stored.type), len(stored.title), len(stored.message)) == (50, 255, facade.MESSAGE_MAX_LENGTH)
    assert stored.title.endswith("…")


def test_characters_postgres_cannot_hold_are_dropped(owner: User) -> None:
    made = facade.create_notification(username="owner", type="t", title="a\0b", message="c\0\ud800d")
    assert Notification.objects.get(pk=made.pk).title == "ab"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "//evil.example", "https://evil.example", "/" + "x" * 500])
def test_a_link_that_leads_elsewhere_is_refused(owner: User, link: str) -> None:
    with pytest.raises(LinkRefused, match="path on this site"):
        notify(owner, link=link)
    assert not Notification.objects.exists()


def test_an_unknown_recipient_is_an_answer_and_the_transaction_stays_usable(owner: User) -> None:
    # Trap 27: an IntegrityError inside a task's transaction would poison it.
    with transaction.atomic():
        with pytest.raises(facade.UnknownRecipient):
            facade.create_notification(username="nobody", type="t", title="T", message="M")
        notify(owner)
    assert facade.get_unread_count(owner) == 1


def test_a_recipient_who_vanishes_meanwhile_does_not_poison_the_transaction(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facade, "recipient_named", lambda name, type: Recipient(pk=4711, username="gone"))
    with transaction.atomic():
        with pytest.raises(facade.UnknownRecipient):
            facade.create_notification(username="gone", type="t", title="T", message="M")
        assert User.objects.filter(pk=owner.pk).exists()


def test_the_same_notification_twice_is_two_notifications(owner: User) -> None:
    # Trap 27.
    notify(owner)
    notify(owner)
    assert facade.get_unread_count(owner) == 2


def test_a_group_gets_a_row_for_each_active_member(owner: User, teammate: User, stranger: User) -> None:
    team = Group.objects.create(name="team")
    team.user_set.add(owner, teammate, User.objects.create_user("left", is_active=False))
    made = facade.notify_group(team, type="t", title="T", message="M")
    assert {notification.username for notification in made} == {"owner", "teammate"}
    assert [facade.get_unread_count(user) for user in (owner, teammate, stranger)] == [1, 1, 0]


# Reading


def test_a_user_sees_their_own_and_broadcasts_newest_first(owner: User, stranger: User) -> None:
    notify(owner, "first")
    notify(None, "second")
    notify(stranger, "not mine")
    notify(owner, "third")
    assert titles(owner) == ["third", "second", "first"]


def test_a_broadcast_read_by_one_is_unread_for_others(owner: User, teammate: User) -> None:
    # Trap 26.
    broadcast = notify(None)
    assert facade.mark_notification_as_read(broadcast.pk, owner)
    [mine] = facade.get_user_notifications(owner).notifications
    [theirs] = facade.get_user_notifications(teammate).notifications
    assert (mine.read, theirs.read) == (True, False)
    assert (facade.get_unread_count(owner), facade.get_unread_count(teammate)) == (0, 1)
    assert not Notification.objects.get().read


def test_a_broadcast_dismissed_by_one_stays_for_others(owner: User, teammate: User) -> None:
    broadcast = notify(None)
    assert facade.delete_notification(broadcast.pk, owner)
    assert (titles(owner), titles(teammate)) == ([], ["Title"])
    assert not facade.delete_notification(broadcast.pk, owner)
    assert not facade.mark_notification_as_read(broadcast.pk, owner)


def test_a_user_who_joins_later_does_not_see_older_broadcasts(owner: User) -> None:
    notify(None, "before")
    newcomer = User.objects.create_user("newcomer")
    notify(None, "after")
    assert titles(newcomer) == ["after"]
    assert facade.get_unread_count(newcomer) == 1
    assert unread_counts([newcomer.pk]) == {newcomer.pk: 1}
    assert facade.mark_all_notifications_as_read(newcomer) == 1


def test_receipts_are_made_only_when_a_user_acts(owner: User, teammate: User) -> None:
    broadcast = notify(None)
    titles(owner)
    facade.get_unread_count(teammate)
    assert not NotificationReceipt.objects.exists()
    facade.mark_notification_as_read(broadcast.pk, owner)
    facade.mark_notification_as_read(broadcast.pk, owner)
    assert NotificationReceipt.objects.count() == 1


@pytest.mark.parametrize("is_broadcast", [False, True])
def test_read_and_unread_are_idempotent(owner: User, is_broadcast: bool) -> None:
    notification = notify(None if is_broadcast else owner)
    for change, count in [
        (facade.mark_notification_as_unread, 1),
        (facade.mark_notification_as_read, 0),
        (facade.mark_notification_as_read, 0),
        (facade.mark_notification_as_unread, 1),
    ]:
        assert change(notification.pk, owner)
        assert facade.get_unread_count(owner) == count


def test_nobody_touches_what_is_somebody_elses(owner: User, stranger: User) -> None:
    notification = notify(owner)
    for change in (
        facade.mark_notification_as_read,
        facade.mark_notification_as_unread,
        facade.delete_notification,
    ):
        assert not change(notification.pk, stranger)
        assert not change(notification.pk + 1000, stranger)
        assert not change(2**31 - 1, stranger)
    assert facade.mark_all_notifications_as_read(stranger) == 0
    assert facade.delete_read_notifications(stranger) == 0
    assert facade.get_unread_count(owner) == 1


def test_filters_and_counts_agree(owner: User) -> None:
    for number in range(3):
        notify(owner, f"a{number}", type="a")
    notify(None, "b", type="b")
    facade.mark_notification_as_read(Notification.objects.get(title="a0").pk, owner)
    page = facade.get_user_notifications(owner, type="a", unread_only=True, limit=1)
    assert ([n.title for n in page.notifications], page.count, page.unread_count) == (["a2"], 2, 3)
    nothing = facade.get_user_notifications(owner, type="no such type")
    assert (nothing.notifications, nothing.count, nothing.unread_count) == ([], 0, 3)


def test_paging_shows_everything_once_even_when_more_arrives(owner: User) -> None:
    at = timezone.now() - timedelta(minutes=1)
    owner.date_joined = at
    for number in range(10):
        notification = notify(None if number % 3 else owner, f"{number}")
        # Many at one moment: the id decides.
        Notification.objects.filter(pk=notification.pk).update(created_at=at + timedelta(seconds=number // 4))
    seen, cursor = [], None
    while True:
        page = facade.get_user_notifications(owner, limit=3, cursor=cursor)
        seen += [notification.title for notification in page.notifications]
        assert page.count >= 10
        if (cursor := page.next_cursor) is None:
            break
        notify(owner, "new")
    assert seen == [str(number) for number in reversed(range(10))]


@pytest.mark.parametrize(
    "cursor", ["", "x", "AAAA", "%%%", "MjAyNi0wMS0wMSAx", "ü", "MjAyNi0wMS0wMVQwMDowMDowMCswMDowMCA5OTk5OTk5OTk5OTk5"]
)
def test_a_cursor_we_did_not_give_out_is_refused(owner: User, cursor: str) -> None:
    with pytest.raises(BadCursor):
        facade.get_user_notifications(owner, cursor=cursor)


def test_a_page_costs_three_queries_and_the_count_one(owner: User) -> None:
    for number in range(20):
        notify(None if number % 2 else owner)
    for ask, cost in ((facade.get_user_notifications, 3), (facade.get_unread_count, 1)):
        with CaptureQueriesContext(connection) as queries:
            ask(owner)
        assert len(queries) == cost


def test_the_counts_of_many_users_cost_one_query(owner: User, teammate: User, stranger: User) -> None:
    notify(owner)
    broadcast = notify(None)
    facade.mark_notification_as_read(broadcast.pk, teammate)
    with CaptureQueriesContext(connection) as queries:
        counts = unread_counts([owner.pk, teammate.pk, stranger.pk, 4711])
    assert counts == {owner.pk: 2, teammate.pk: 0, stranger.pk: 1}
    assert len(queries) == 1


# All at once


def test_mark_all_reads_what_was_there(owner: User, teammate: User) -> None:
    for _ in range(2):
        notify(owner)
        notify(None)
    assert facade.mark_all_notifications_as_read(owner) == 4
    assert facade.mark_all_notifications_as_read(owner) == 0
    assert (facade.get_unread_count(owner), facade.get_unread_count(teammate)) == (0, 2)


@pytest.mark.parametrize("by", ["pk", "created_at"])
def test_mark_all_leaves_unread_what_arrived_after_what_was_seen(owner: User, by: str) -> None:
    # Trap 29.
    notify(owner, "seen")
    seen = notify(None, "also seen")
    notify(owner, "new")
    notify(None, "new too")
    assert facade.mark_all_notifications_as_read(owner, up_to=getattr(seen, by)) == 2
    assert titles(owner, unread_only=True) == ["new too", "new"]


def test_clear_read_takes_what_was_read_and_nothing_else(owner: User, teammate: User) -> None:
    kept_own, kept_broadcast = notify(owner, "own"), notify(None, "broadcast")
    for user in (owner, None):
        facade.mark_notification_as_read(notify(user, "read").pk, owner)
    assert facade.delete_read_notifications(owner) == 2
    assert facade.delete_read_notifications(owner) == 0
    assert titles(owner) == [kept_broadcast.title, kept_own.title]
    assert titles(teammate) == ["read", "broadcast"]


def test_a_deactivated_user_sees_nothing(owner: User) -> None:
    notify(owner)
    owner.is_active = False
    assert not Notification.objects.visible_to(owner).exists()


def test_what_is_visible_is_own_and_undismissed(owner: User, teammate: User) -> None:
    own, broadcast = notify(owner), notify(None)
    notify(teammate)
    assert set(Notification.objects.visible_to(owner)) == {own, broadcast}
    facade.delete_notification(broadcast.pk, owner)
    assert set(Notification.objects.visible_to(owner)) == {own}


def test_counting_stops_where_nobody_reads_the_number(owner: User, teammate: User) -> None:
    rows = [Notification(user_id="owner", type="t", title="T", message="M") for _ in range(1001)]
    Notification.objects.bulk_create(rows)
    for number in range(2):
        notify(None, str(number))
    page = facade.get_user_notifications(owner)
    assert (page.count, page.unread_count) == (COUNT_CAP, UNREAD_CAP)
    assert facade.get_unread_count(owner) == UNREAD_CAP
    assert unread_counts([owner.pk, teammate.pk]) == {owner.pk: UNREAD_CAP, teammate.pk: 2}
    beyond = facade.get_user_notifications(owner, cursor=page.next_cursor)
    assert beyond.count == COUNT_CAP
    assert facade.mark_all_notifications_as_read(owner) == 1003, "all are marked, however many"
    assert facade.get_unread_count(owner) == 0
