"""The notifications table, as the seed draws it."""

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from notifications.links import is_local_path
from notifications.models import Notification

pytestmark = pytest.mark.django_db


def rows(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_the_columns_are_the_drawn_ones() -> None:
    assert rows(
        "SELECT column_name, data_type, character_maximum_length, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_name = 'notifications' ORDER BY ordinal_position"
    ) == [
        ("id", "integer", None, "NO", None),
        ("username", "text", None, "YES", None),
        ("type", "character varying", 50, "NO", None),
        ("title", "character varying", 255, "NO", None),
        ("message", "text", None, "NO", None),
        ("link", "character varying", 500, "YES", None),
        ("read", "boolean", None, "NO", "false"),
        ("created_at", "timestamp with time zone", None, "NO", "CURRENT_TIMESTAMP"),
    ]


def test_the_indexes_have_the_drawn_names() -> None:
    names = {name for (name,) in rows("SELECT indexname FROM pg_indexes WHERE tablename = 'notifications'")}
    assert names == {
        "notifications_pkey",
        "ix_notifications_username",
        "ix_notifications_read",
        "ix_notifications_created_at",
        "ix_notifications_username_read",
    }


def test_the_database_fills_in_read_and_created_at() -> None:
    [(read, now)] = rows(
        "INSERT INTO notifications (type, title, message) VALUES ('t', 'T', 'M')"
        " RETURNING read, created_at = CURRENT_TIMESTAMP"
    )
    assert (read, now) == (False, True)


def test_renaming_a_user_loses_nothing(owner: User) -> None:
    Notification.objects.create(user=owner, type="t", title="T", message="M")
    owner.username = "renamed"
    owner.save(update_fields=["username"])
    assert [notification.username for notification in Notification.objects.own(owner)] == ["renamed"]


def test_deleting_a_user_in_sql_takes_their_notifications_along(owner: User, stranger: User) -> None:
    for user in (owner, stranger):
        Notification.objects.create(user=user, type="t", title="T", message="M")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM auth_user WHERE username = 'owner'")
    assert [notification.username for notification in Notification.objects.all()] == ["stranger"]


def test_a_notification_for_nobody_known_is_refused_at_once_and_not_at_commit() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.create(user_id="nobody", type="t", title="T", message="M")


LOCAL = ["/", "/keyword-alerts", "/tasks/1?a=b&c=%20#d", "/ü", "/a//b", "/javascript:alert(1)", "/x" * 250]
FOREIGN = [
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)",
    " javascript:alert(1)",
    "data:text/html,x",
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/a\\b",
    "/\t/evil.example",
    "/\n/evil.example",
    "/a\r\nSet-Cookie: x",
    "/a\n",
    "/\x7f",
    "\t/a",
    " /a",
    "relative",
    "?a=b",
    "#a",
    "",
]


@pytest.mark.parametrize("link", LOCAL)
def test_paths_on_this_site_are_links(link: str) -> None:
    assert is_local_path(link)
    assert Notification.objects.create(type="t", title="T", message="M", link=link).safe_link == link


@pytest.mark.parametrize("link", FOREIGN)
def test_everything_else_is_refused_by_python_and_database_alike(link: str) -> None:
    # Trap 30: href="javascript:…" passes autoescape.
    assert not is_local_path(link)
    with pytest.raises(IntegrityError, match="notification_link_is_local_path"), transaction.atomic():
        Notification.objects.create(type="t", title="T", message="M", link=link)


def test_a_link_that_got_in_some_other_way_is_not_rendered() -> None:
    assert Notification(title="T", link="javascript:alert(1)").safe_link == ""
