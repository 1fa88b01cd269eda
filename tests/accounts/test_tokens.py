"""API tokens: what they let in, what not, and for how long."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiToken
from accounts.scopes import Scope
from live.credentials import Credentials, withdrawn
from tests.live.isolation import clean_live_state
from tests.live.sockets import session_of, socket_of
from tests.pages.reading import complaints, page, queries_to_render, read
from tests.tasks.runs import make_run
from tests.test_every_endpoint import OPERATIONS, PUBLIC, assert_honest, fill, ids

pytestmark = pytest.mark.django_db

RUNS = "/api/background-tasks/tasks"
BELL = "/api/notifications"
PAGE = "/profile/tokens/"

type ClientOf = Callable[[User], Client]


def make(user: User, *scopes: Scope, **fields: Any) -> str:
    """What a new token says."""
    asked: dict[str, Any] = {"name": "A script", "scopes": scopes or tuple(Scope), "expires_at": None, **fields}
    return tokens.create(user, **asked)[1]


def bearer(secret: str) -> Client:
    """A program with that token: no cookies, and nobody waives the CSRF token for it."""
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {secret}"})


def test_a_token_is_not_stored_and_cannot_be_guessed(owner: User) -> None:
    secret = make(owner)
    row = ApiToken.objects.values().get()
    assert secret not in str(row)
    assert row["digest"] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret.startswith(row["beginning"]) and len(secret) - len(row["beginning"]) > 32
    assert make(owner) != secret


def test_a_program_needs_neither_session_nor_csrf_token(owner: User, stranger: User) -> None:
    run, other = make_run(owner), make_run(stranger)
    program = bearer(make(owner))
    assert [task["id"] for task in program.get(RUNS).json()["tasks"]] == [str(run.pk)]
    assert program.delete(f"/api/background-tasks/task/{run.pk}").status_code == 200
    assert program.delete(f"/api/background-tasks/task/{other.pk}").status_code == 404


def revoke(secret: str) -> None:
    row = ApiToken.objects.get()
    assert tokens.revoke(row.user, row.pk) and not tokens.revoke(row.user, row.pk)


def expire(secret: str) -> None:
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def deactivate(secret: str) -> None:
    User.objects.update(is_active=False)


@pytest.mark.parametrize("how", [revoke, expire, deactivate])
def test_a_token_that_has_ended_lets_nobody_in(owner: User, how: Callable[[str], None]) -> None:
    secret = make(owner)
    held = Credentials(owner.pk, "", "", str(ApiToken.objects.get().pk))
    assert withdrawn([held]) == set()
    how(secret)
    answer = bearer(secret).get(RUNS)
    assert_honest(answer, allowed={401})
    assert answer.json()["error"]["code"] == "bad_token"
    assert withdrawn([held]) == {held}


@pytest.mark.parametrize("secret", ["", "spt_", "spt_nonsense", "ünï", "x" * 10_000])
def test_a_token_that_never_was_is_401_and_no_session_takes_its_place(
    owner: User, client_of: ClientOf, secret: str
) -> None:
    answer = client_of(owner).get(RUNS, headers={"Authorization": f"Bearer {secret}"})
    assert_honest(answer, allowed={401})


def test_a_proxys_password_leaves_the_session_alone(owner: User, client_of: ClientOf) -> None:
    assert client_of(owner).get(RUNS, headers={"Authorization": "Basic b3duZXI6eA=="}).status_code == 200


def test_beside_a_session_the_token_decides_alone(owner: User, stranger: User, client_of: ClientOf) -> None:
    make_run(owner)
    headers = {"Authorization": f"Bearer {make(stranger, Scope.READ)}"}
    browser = client_of(owner)
    assert browser.get(RUNS, headers=headers).json()["tasks"] == []
    # The session may write, and so might the stranger: but not with this token.
    assert browser.post(f"{BELL}/mark-all-read", headers=headers).status_code == 403


def test_pages_and_admin_know_no_tokens(staff: User) -> None:
    program = bearer(make(staff))
    for path in ("/", PAGE, "/admin/"):
        assert program.get(path).status_code == 302, path


def test_an_address_is_no_place_for_a_token(owner: User) -> None:
    secret = make(owner)
    for name in ("token", "access_token", "authorization", "bearer"):
        assert Client().get(RUNS, query_params={name: secret}).status_code == 401


@pytest.mark.parametrize("scope", Scope)
def test_every_operation_is_for_the_scopes_it_says(owner: User, scope: Scope) -> None:
    program = bearer(make(owner, scope))
    for path, method in OPERATIONS:
        if path in PUBLIC:
            continue
        needed = {Scope.READ if method == "get" else Scope.WRITE}
        sends_or_redirects = (path, method) in {(BELL, "post"), (f"{BELL}/preferences", "patch")}
        if path.startswith(BELL) and not sends_or_redirects:
            needed.add(Scope.NOTIFICATIONS)
        answer = program.generic(method.upper(), fill(path, "0"), "{}", content_type="application/json")
        refused = answer.status_code == 403 and answer.json()["error"]["code"] == "out_of_scope"
        assert refused == (scope not in needed), ids((path, method))
        assert_honest(answer, allowed={403}) if refused else None


def test_use_is_noted_to_the_minute_and_costs_one_query_otherwise(owner: User) -> None:
    program = bearer(make(owner))
    program.get(f"{BELL}/unread-count")
    noted = ApiToken.objects.get().last_used_at
    assert noted is not None and timezone.now() - noted < timedelta(minutes=1)
    with CaptureQueriesContext(connection) as queries:
        program.get(f"{BELL}/unread-count")
    assert len([one for one in queries if "accounts_apitoken" in one["sql"]]) == 1
    assert ApiToken.objects.get().last_used_at == noted


def test_nobody_has_more_tokens_than_one_can_look_over(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST", 2)
    make(owner, expires_at=timezone.now())
    make(owner), make(owner)
    with pytest.raises(tokens.TooManyTokens):
        make(owner)


@pytest.mark.parametrize("fields", [{"scopes": []}, {"name": ""}])
def test_a_token_for_nothing_or_without_a_name_is_refused_by_the_database(owner: User, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make(owner, **fields)


# The page


def test_a_token_is_made_on_the_page_and_shown_once(owner: User, client_of: ClientOf) -> None:
    browser = client_of(owner)
    answer = browser.post(PAGE, {"name": "Phone", "scopes": ["read", "notifications"], "days": "30"})
    document = read(answer.content)
    assert (answer.status_code, complaints(document)) == (201, [])
    assert "no-store" in answer["Cache-Control"]
    secret = document.one("input", id="new-token").attrs["value"]
    assert bearer(secret).get(RUNS).status_code == 200
    again = page(browser, PAGE)
    assert complaints(again) == []
    assert not again.all("input", id="new-token") and secret not in browser.get(PAGE).content.decode()
    row = ApiToken.objects.get()
    assert row.expires_at is not None
    assert timedelta(days=29) < row.expires_at - timezone.now() <= timedelta(days=30)


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"scopes": []}, {"scopes": ["admin"]}, {"days": "7"}, {"name": "\x00"}]
)
def test_a_token_that_cannot_be_is_said_so_in_place(owner: User, client_of: ClientOf, wrong: dict[str, Any]) -> None:
    answer = client_of(owner).post(PAGE, {"name": "Phone", "scopes": ["read"], "days": "30", **wrong})
    document = read(answer.content)
    assert (answer.status_code, complaints(document)) == (422, [])
    assert document.all(class_="field-error")
    assert not ApiToken.objects.exists()


def test_tokens_are_revoked_by_their_owner_alone(owner: User, stranger: User, client_of: ClientOf) -> None:
    secret = make(owner, name="Phone")
    path = reverse("token-revoke", args=[ApiToken.objects.get().pk])
    assert client_of(stranger).post(path).status_code == 404
    assert "Phone" not in page(client_of(stranger), PAGE).text
    assert bearer(secret).get(RUNS).status_code == 200
    for _ in range(2):
        assert client_of(owner).post(path)["Location"] == PAGE
    assert bearer(secret).get(RUNS).status_code == 401
    document = page(client_of(owner), PAGE)
    assert "No longer valid" in document.text and not document.all("button", id="revoke")


def test_the_page_costs_the_same_for_many_tokens(owner: User, client_of: ClientOf) -> None:
    browser = client_of(owner)
    make(owner)
    cost = queries_to_render(browser, PAGE)
    for _ in range(10):
        make(owner)
    assert queries_to_render(browser, PAGE) == cost < 15


# Sockets


@pytest.mark.django_db(transaction=True)
async def test_sockets_are_opened_by_a_token_in_the_header_and_end_with_it(owner: User) -> None:
    for _ in clean_live_state():
        secret = await sync_to_async(make)(owner, Scope.NOTIFICATIONS)
        run = await sync_to_async(make_run)(owner)
        session = await sync_to_async(session_of)(owner)
        everything = await sync_to_async(make)(owner, Scope.READ)

        in_address = await socket_of(None, f"/ws/notifications?token={secret}")
        assert await in_address.closed() == 4401
        wrong = await socket_of(None, "/ws/notifications", token="spt_wrong", session=session)
        assert await wrong.closed() == 4401, "the session does not take the place of a wrong token"
        beyond = await socket_of(None, f"/ws/bulk-process/{run.pk}", token=secret, session=session)
        assert await beyond.closed() == 4403

        bell = await socket_of(None, "/ws/notifications", token=secret, origin="https://app.example")
        watched = await socket_of(None, f"/ws/bulk-process/{run.pk}", token=everything)
        for socket in (bell, watched):
            assert (await socket.next())["status"] == "connected"
        assert await sync_to_async(tokens.revoke)(owner, (await ApiToken.objects.aget(scopes=["notifications"])).pk)
        assert await bell.closed() == 4401
        await watched.send_to(text_data='{"type": "ping"}')
        await watched.until(lambda frame: frame["type"] == "pong")
        await watched.disconnect()


@pytest.mark.parametrize(("ticked", "status"), [(True, 401), (False, 200)])
def test_with_a_new_password_tokens_end_only_if_one_says_so(
    owner: User, client_of: ClientOf, ticked: bool, status: int
) -> None:
    secret, new = make(owner), "another correct horse"
    client = client_of(owner)
    assert page(client, "/profile/password/").one("input", name="revoke_tokens").attrs["type"] == "checkbox"
    said = {"old_password": "correct horse", "new_password1": new, "new_password2": new}
    assert client.post("/profile/password/", said | ({"revoke_tokens": "on"} if ticked else {})).status_code == 302
    assert bearer(secret).get(RUNS).status_code == status


def test_who_has_no_tokens_is_not_asked_about_them(owner: User, client_of: ClientOf) -> None:
    assert not page(client_of(owner), "/profile/password/").all("input", name="revoke_tokens")
