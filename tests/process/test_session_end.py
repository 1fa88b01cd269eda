"""Whoever loses the right to listen is told so in every process, whichever of them heard of it first."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx2
import pytest
import websockets
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.utils import timezone

from live import watchdog
from live.conf import conf
from tests.live.servers import redis
from tests.live.sockets import session_of
from tests.servers import Process, Server, UvicornServer, free_port, require

pytestmark = [pytest.mark.process, pytest.mark.redis, pytest.mark.timeout(240)]

PROMISED = 5  # seconds

type End = Callable[[Server, User, str], object]


def sign_out(server: Server, user: User, session: str) -> None:
    """As the button in the page does it."""
    with httpx2.Client(trust_env=False, cookies={settings.SESSION_COOKIE_NAME: session}) as browser:
        browser.get(f"{server.url}/")
        token = browser.cookies[settings.CSRF_COOKIE_NAME]
        answer = browser.post(f"{server.url}/sign-out/", data={"csrfmiddlewaretoken": token})
    assert answer.status_code == 302


def change_password(server: Server, user: User, session: str) -> None:
    user.set_password("battery staple")
    user.save()


def deactivate(server: Server, user: User, session: str) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)  # sends no signal


def expire(server: Server, user: User, session: str) -> None:
    Session.objects.filter(pk=session).update(expire_date=timezone.now())


def delete_session(server: Server, user: User, session: str) -> None:
    Session.objects.filter(pk=session).delete()  # as an administrator does who ends somebody's sessions


def delete_user(server: Server, user: User, session: str) -> None:
    User.objects.filter(pk=user.pk).delete()


def leave_group(server: Server, user: User, session: str) -> None:
    user.groups.clear()


def change_group(server: Server, user: User, session: str) -> None:
    user.groups.get().permissions.clear()


def take_permission(server: Server, user: User, session: str) -> None:
    user.user_permissions.clear()


ENDS: dict[str, tuple[End, str, int]] = {
    "signs-out": (sign_out, "/ws/progress/mine", 4401),
    "new-password": (change_password, "/ws/notifications", 4401),
    "deactivated": (deactivate, "/ws/progress/mine", 4401),
    "expired": (expire, "/ws/progress/mine", 4401),
    "no-session": (delete_session, "/ws/notifications", 4401),
    "deleted": (delete_user, "/ws/notifications", 4401),
    "no-permission": (take_permission, "/ws/progress/all", 4403),
    "left-the-group": (leave_group, "/ws/progress/all", 4403),
    "group-without-permission": (change_group, "/ws/progress/all", 4403),
}


def make(name: str) -> User:
    user = User.objects.create_user(name, password="correct horse", is_staff=True)
    permissions = Permission.objects.filter(content_type__app_label="tasks")
    if "group" in name:
        group = Group.objects.create(name=name)
        group.permissions.set(permissions)
        user.groups.add(group)
    else:
        user.user_permissions.set(permissions)
    return user


async def test_every_process_closes_the_sockets_of_whom_they_are_no_longer_for(
    started: list[Process], owner: User
) -> None:
    require("redis-server")
    port = free_port()
    with redis(port):
        environment = {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}
        servers = [await sync_to_async(Server)("--no-worker", **environment)]
        servers.append(await sync_to_async(UvicornServer)(**environment))
        started.extend(servers)
        async with AsyncExitStack() as stack:

            async def listen(user: User, session: str, path: str) -> list[websockets.ClientConnection]:
                """A socket at each server, greeted: from here on access is re-checked, not checked."""
                cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}
                sockets = [
                    await stack.enter_async_context(
                        websockets.connect(f"{server.ws_url}{path}", additional_headers=cookie, open_timeout=30)
                    )
                    for server in servers
                ]
                for socket in sockets:
                    async with asyncio.timeout(30):
                        await socket.recv()
                return sockets

            bystander = await listen(owner, await sync_to_async(session_of)(owner), "/ws/notifications")
            for name, (end, path, code) in ENDS.items():
                user = await sync_to_async(make)(name)
                session = await sync_to_async(session_of)(user)
                sockets = await listen(user, session, path)
                await sync_to_async(end)(servers[0], user, session)
                async with asyncio.timeout(4 * PROMISED):  # this machine may be busy
                    await asyncio.gather(*(socket.wait_closed() for socket in sockets))
                assert [socket.close_code for socket in sockets] == [code, code], name
            for socket in bystander:
                async with asyncio.timeout(20):
                    await (await socket.ping())
        for process in started:
            await sync_to_async(process.end)()


def test_a_round_of_re_checking_fits_into_what_is_promised() -> None:
    assert conf.LIVE_RECONCILE_SECONDS + watchdog.SHORTEST_INTERVAL + watchdog.FOLLOW_UP < PROMISED
