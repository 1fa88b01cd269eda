"""The bell's socket."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from live import fragments
from live.database import in_database_thread
from live.frames import Frame
from notifications import facade
from tests.live.sockets import TestSocket, greeted, socket_of

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/ws/notifications"


async def bell_of(user: User) -> TestSocket:
    """A socket, its greeting and count heard."""
    socket = await greeted(user, PATH)
    assert (await socket.next())["type"] == "unread_count"
    return socket


def create(username: str | None, title: str = "Title") -> int:
    made = facade.create_notification(username=username, type="t", title=title, message="M", link="/tasks/")
    return made.pk


async def arrival(bell: TestSocket) -> Frame:
    """The next notification; a re-read may have told its count before."""
    return (await bell.until(lambda frame: frame["type"] == "notification"))[-1]


async def do[**P, T](work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await sync_to_async(work)(*args, **kwargs)


async def test_nobody_signed_in_is_told_4401() -> None:
    assert await (await socket_of(None, PATH)).closed() == 4401


async def test_connected_then_the_unread_count(owner: User) -> None:
    await do(create, "owner")
    await do(create, None)
    socket = await greeted(owner, PATH)
    assert await socket.next() == {"type": "unread_count", "unread_count": 2}


async def test_a_notification_arrives_with_the_new_count(owner: User, stranger: User) -> None:
    mine, theirs = await bell_of(owner), await bell_of(stranger)
    pk = await do(create, "owner", "Done")
    frame = await arrival(mine)
    assert (frame["type"], frame["unread_count"]) == ("notification", 1)
    assert {
        key: frame["notification"][key] for key in ("id", "username", "type", "title", "message", "link", "read")
    } == {
        "id": pk,
        "username": "owner",
        "type": "t",
        "title": "Done",
        "message": "M",
        "link": "/tasks/",
        "read": False,
    }
    assert await theirs.nothing_more()


async def test_a_broadcast_reaches_everyone_with_their_own_count(owner: User, teammate: User) -> None:
    await do(create, "owner")
    bells = [await bell_of(owner), await bell_of(teammate)]
    await do(create, None, "For all")
    frames = [await arrival(bell) for bell in bells]
    assert [frame["notification"]["title"] for frame in frames] == ["For all"] * 2
    assert [frame["unread_count"] for frame in frames] == [2, 1]


async def test_a_broadcast_costs_one_query_however_many_are_connected(owner: User, teammate: User) -> None:
    # Trap 12: not one query per socket and message.
    bells = [await bell_of(owner), await bell_of(owner), await bell_of(teammate)]
    captured = await in_database_thread(lambda: CaptureQueriesContext(connections["default"]).__enter__())
    await do(create, None)
    for bell in bells:
        await arrival(bell)
    await in_database_thread(lambda: captured.__exit__(None, None, None))
    assert len([query for query in captured.captured_queries if "notifications" in query["sql"]]) == 1


async def test_read_in_one_tab_is_read_in_all(owner: User, teammate: User) -> None:
    pk = await do(create, None)
    tabs, other = [await bell_of(owner), await bell_of(owner)], await bell_of(teammate)
    await do(facade.mark_notification_as_read, pk, owner)
    assert [await tab.next() for tab in tabs] == [{"type": "unread_count", "unread_count": 0}] * 2
    assert await other.nothing_more()


@pytest.mark.parametrize(
    "change",
    [
        lambda user, pk: facade.mark_all_notifications_as_read(user),
        lambda user, pk: facade.delete_notification(pk, user),
    ],
)
async def test_every_change_of_the_count_is_told(owner: User, change: Callable[[User, int], Any]) -> None:
    pk = await do(create, "owner")
    bell = await bell_of(owner)
    await do(change, owner, pk)
    assert (await bell.next())["unread_count"] == 0


async def test_each_member_of_a_group_is_told_though_bulk_create_sends_no_signals(owner: User, teammate: User) -> None:
    # Trap 28.
    def send() -> None:
        team = Group.objects.create(name="team")
        team.user_set.add(owner, teammate)
        facade.notify_group(team, type="t", title="Team", message="M")

    bells = [await bell_of(owner), await bell_of(teammate)]
    await do(send)
    assert [(await arrival(bell))["notification"]["username"] for bell in bells] == ["owner", "teammate"]


async def test_what_is_rolled_back_is_never_told(owner: User) -> None:
    def roll_back() -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            create("owner")
            raise RuntimeError

    bell = await bell_of(owner)
    await do(roll_back)
    await do(create, "owner", "real")
    assert (await arrival(bell))["notification"]["title"] == "real"


async def test_a_count_that_was_lost_heals(owner: User, settings: Settings) -> None:
    settings.LIVE_RECONCILE_SECONDS = 0.05
    bell = await bell_of(owner)

    def behind_our_back() -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO notifications (username, type, title, message) VALUES ('owner','t','T','M')")

    await do(behind_our_back)
    assert await bell.next() == {"type": "unread_count", "unread_count": 1}


async def test_a_renamed_user_goes_on_hearing(owner: User) -> None:
    bell = await bell_of(owner)
    await do(User.objects.filter(pk=owner.pk).update, username="renamed")
    await do(create, "renamed")
    assert (await arrival(bell))["notification"]["username"] == "renamed"


async def test_html_sockets_get_fragments(owner: User) -> None:
    def render(frame: Frame) -> str:
        return f'<span id="bell-count">{frame["unread_count"]}</span>'

    for frame_type in ("unread_count", "notification"):
        fragments.register(frame_type, fragments.one_by_one(render))
    bell = await socket_of(owner, f"{PATH}?content=html")
    await do(create, "owner")
    assert [await bell.receive_from(timeout=5) for _ in range(2)] == [
        '<span id="bell-count">0</span>',
        '<span id="bell-count">1</span>',
    ]


async def test_html_counts_of_two_users_do_not_replace_each_other(owner: User, teammate: User) -> None:
    def render(frame: Frame) -> str:
        return f"<b>{frame['unread_count']}</b>"

    def read_both() -> None:
        with transaction.atomic():
            for user in (owner, teammate):
                facade.mark_all_notifications_as_read(user)

    fragments.register("unread_count", fragments.one_by_one(render))
    await do(create, None)
    bells = [await socket_of(user, f"{PATH}?content=html") for user in (owner, teammate)]
    assert [await bell.receive_from(timeout=5) for bell in bells] == ["<b>1</b>"] * 2
    await do(read_both)
    assert [await bell.receive_from(timeout=5) for bell in bells] == ["<b>0</b>"] * 2


async def test_the_fragments_of_the_page_reach_the_bell(owner: User) -> None:
    bell = await socket_of(owner, f"{PATH}?content=html")
    before = await bell.receive_from(timeout=5)
    await do(create, "owner", "Fish & <chips>")
    after = await bell.receive_from(timeout=5)
    assert before != after
    assert "id=" in after
    assert "<chips>" not in after
