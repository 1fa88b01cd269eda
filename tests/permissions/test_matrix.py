"""docs/permissions.md is what happens: every address, with every method, asked for by everybody.

An address that is not in the document fails here. `RECORD_PERMISSIONS=1 pytest tests/permissions` writes the tables
anew; read the difference over: it says who may do what from now on.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template import engines
from django.template.response import SimpleTemplateResponse
from django.test import Client
from pytest_django.fixtures import Settings

from tests.live.isolation import clean_live_state
from tests.live.sockets import TestSocket, socket_of
from tests.permissions.document import ROLES, Matrix, record, recorded
from tests.permissions.routes import METHODS, Route, every_route, every_socket
from tests.permissions.things import Rows, bodies, in_admin, make_things
from tests.tasks.runs import ADD

SIGN_IN = ("/sign-in/?next=", "/admin/login/?next=")
# Nobody has to say who they are here.
OPEN = {
    "/healthz", "/readyz", "/favicon.ico", "/sign-in/", "/sign-out/", "/admin/login/", "/admin/logout/",
    "/api/docs", "/api/openapi.json", "/api/frames.schema.json", "/api/frames.md",
}  # fmt: skip

type Cast = dict[str, User | None]


@pytest.fixture
def superuser(db: None) -> User:
    """Whoever may do everything."""
    return User.objects.create_superuser("superuser", password="correct horse")


@pytest.fixture
def cast(owner: User, stranger: User, staff: User, superuser: User) -> Cast:
    """Everybody, by role."""
    return dict(zip(ROLES, (None, stranger, owner, staff, superuser), strict=True))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Each refusal would be a line of the log."""
    logger = logging.getLogger("django.request")
    logger.disabled = True
    yield
    logger.disabled = False


@pytest.fixture(autouse=True)
def schedulable(settings: Settings) -> None:
    """What may be scheduled in these tests."""
    settings.TASKS_SCHEDULABLE = {ADD: ""}


@contextmanager
def undone() -> Iterator[None]:
    """Whatever was written inside is forgotten: the next who asks finds what was there before."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class UndrawnMiddleware:
    """Who may see a page of the admin is the question here; drawing it would take most of the time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_template_response(self, request: HttpRequest, response: SimpleTemplateResponse) -> HttpResponseBase:
        response.template_name = engines["django"].from_string("")
        return response


def verdict(response: HttpResponseBase) -> str:
    """`yes`: they may, and hear what came of it; else why not."""
    assert response.status_code < 500, response
    if response.status_code == 302 and response["Location"].startswith(SIGN_IN):
        return "sign in"
    return str(response.status_code) if response.status_code in {401, 403, 404, 405} else "yes"


class Walk:
    """Everybody, signed in, and what is there to be asked for."""

    def __init__(self, cast: Cast, part: str) -> None:
        owner, stranger = cast["owner"], cast["stranger"]
        assert owner is not None and stranger is not None
        things = make_things(owner)
        self.routes = [route for route in every_route() if route.part == part]
        self._paths = {one: one.path(in_admin(one.shown, owner) if part == "Admin" else things) for one in self.routes}
        self._bodies = bodies(things)
        self._json = part == "API"
        self._clients = {role: Client() for role in cast}
        for role, user in cast.items():
            if user is not None:
                self._clients[role].force_login(user)
        self._cookies = {role: client.cookies.copy() for role, client in self._clients.items()}
        self._rows = Rows(stranger)

    def ask(self, role: str, route: Route, method: str) -> str:
        """What happens. What came of it is undone, and of a stranger's request looked through before."""
        client, path, body = self._clients[role], self._paths[route], self._bodies.get((method, route.shown), {})
        client.cookies = self._cookies[role].copy()  # who signed out is signed in again
        if method == "GET":
            return verdict(client.get(path))
        with undone():
            if self._json or method != "POST":
                answer = client.generic(method, path, json.dumps(body), "application/json")
            else:
                answer = client.post(path, body)
            if role == "stranger" and verdict(answer) == "yes":
                assert self._rows.changes() == [], f"{method} {path}: a stranger changed what is not theirs"
        return verdict(answer)

    def ask_everybody(self, route: Route, method: str) -> tuple[str, ...]:
        """What happens to each; of a method that both the owner and a superuser are refused, just that."""
        first = {role: self.ask(role, route, method) for role in ("superuser", "owner")}
        if set(first.values()) == {"405"}:
            return ("405",) * len(ROLES)
        return tuple(first[role] if role in first else self.ask(role, route, method) for role in ROLES)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", ["Pages", "API", "Admin"])
def test_every_address_gives_each_person_what_is_theirs(part: str, cast: Cast, settings: Settings) -> None:
    if part == "Admin":
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.UndrawnMiddleware"]
    walk = Walk(cast, part)
    found: Matrix = {}
    for route in walk.routes:
        # To Django's admin every method but POST is as GET: it is enough that none lets in who may not enter.
        asked = METHODS if part != "Admin" else ("GET", "POST")
        for method in asked:
            verdicts = walk.ask_everybody(route, method)
            if set(verdicts) - {"405", "401", "sign in"}:
                found.setdefault(route.shown, {})[method] = verdicts
        for method in {"PUT", "DELETE"} - set(asked):
            assert walk.ask("stranger", route, method) in {"405", verdicts[1]}, (method, route)
        assert route.shown in found, f"{route} answers nobody"
    if os.environ.get("RECORD_PERMISSIONS"):
        record(part, found)
    assert found == recorded(part)


def test_nobody_gets_anything_without_saying_who_they_are() -> None:
    for part in ("Pages", "API", "Admin", "Sockets"):
        for route, methods in recorded(part).items():
            if route not in OPEN:
                assert {verdicts[0] for verdicts in methods.values()} <= {"sign in", "401", "404", "4401"}, route


@pytest.mark.parametrize("part", ["Pages", "Admin"])
def test_nothing_is_changed_by_a_form_without_a_csrf_token(part: str, cast: Cast) -> None:
    superuser = cast["superuser"]
    assert superuser is not None and cast["owner"] is not None
    things = make_things(cast["owner"])
    client = Client(enforce_csrf_checks=True)
    client.force_login(superuser)
    for route in (route for route in every_route() if route.part == part):
        path = route.path(things if part != "Admin" else in_admin(route.shown, cast["owner"]))
        assert client.post(path).status_code in {403, 405}, path


# Sockets

TOPICS = ("mine", "all", "Energy")


async def heard(socket: TestSocket) -> str:
    """`yes`: the first frame, `connected`, came; else the code it was closed with."""
    event = await socket.receive_output(timeout=5)
    return str(event["code"]) if event["type"] == "websocket.close" else "yes"


@pytest.mark.django_db(transaction=True)
async def test_every_socket_lets_in_whom_it_is_for(cast: Cast) -> None:
    for _ in clean_live_state():
        things = await sync_to_async(make_things)(cast["owner"])
        found: Matrix = {}
        for shown in every_socket():
            for topic in TOPICS if "{topic_id}" in shown else ("",):
                here = Route(shown.replace("{topic_id}", topic), None)
                verdicts = []
                for user in cast.values():
                    socket = await socket_of(user, here.path(things))
                    verdicts.append(await heard(socket))
                    await socket.disconnect()
                found[here.shown] = {"connect": tuple(verdicts)}
        if os.environ.get("RECORD_PERMISSIONS"):
            record("Sockets", found)
        assert found == recorded("Sockets")
