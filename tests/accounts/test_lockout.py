"""Guessing passwords is slow, wherever one tries, and tells nothing."""

import math
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import AsyncClient, Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.lockout import address_of
from tests.pages.reading import complaints, read
from tests.tasks.runs import make_run

pytestmark = pytest.mark.django_db

RIGHT = "correct horse"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
DOORS = ["/sign-in/", "/admin/login/"]


@pytest.fixture(autouse=True)
def few(settings: Settings) -> None:
    """Three wrong passwords are enough."""
    settings.AXES_FAILURE_LIMIT = 3
    settings.RATE_LIMITS = {**settings.RATE_LIMITS}


def try_to_sign_in(password: str, *, name: str = "staff", door: str = "/sign-in/", address: str = "192.0.2.1"):  # type: ignore[no-untyped-def]
    said = {"username": name, "password": password}
    return Client(headers=BROWSER, REMOTE_ADDR=address).post(door, said)


def lock_out(**how: str) -> None:
    for _ in range(3):
        try_to_sign_in("wrong", **how)


@pytest.mark.parametrize("door", DOORS)
def test_after_some_wrong_passwords_even_the_right_one_waits(staff: User, door: str) -> None:
    answers = [try_to_sign_in("wrong", door=door).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    refused = try_to_sign_in(RIGHT, door=door)
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= math.ceil(timedelta(minutes=15).total_seconds())
    document = read(refused.content)
    assert complaints(document) == []
    assert "Too many attempts to sign in. Try again in 15 minutes." in document.one(class_="lead").text
    assert "sessionid" not in refused.cookies


def test_what_is_locked_at_one_door_is_locked_at_the_other(staff: User) -> None:
    lock_out(door=DOORS[0])
    assert try_to_sign_in(RIGHT, door=DOORS[1]).status_code == 429


def test_a_name_that_nobody_has_is_answered_alike(staff: User) -> None:
    for password in ("wrong", "wrong", "wrong", "wrong"):
        known, unknown = try_to_sign_in(password), try_to_sign_in(password, name="nobody")
        assert (known.status_code, known.headers.keys()) == (unknown.status_code, unknown.headers.keys())
    strip = [answer.content.replace(b"nobody", b"staff") for answer in (known, unknown)]
    assert strip[0] == strip[1]


def test_nobody_can_lock_out_somebody_else(staff: User, owner: User) -> None:
    lock_out()
    assert try_to_sign_in(RIGHT, address="192.0.2.2").status_code == 302
    assert try_to_sign_in(RIGHT, name="owner").status_code == 302


def test_the_time_that_was_told_holds_and_then_one_gets_in(staff: User) -> None:
    lock_out()
    told = int(try_to_sign_in(RIGHT)["Retry-After"])
    ago = timedelta(seconds=400)
    AccessAttempt.objects.update(attempt_time=timezone.now() - ago)
    for _ in range(3):  # trying on does not make it longer
        left = int(try_to_sign_in("wrong")["Retry-After"])
    assert told - 400 - 5 <= left <= told - 400 + 1
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15, seconds=1))
    assert try_to_sign_in(RIGHT).status_code == 302


def test_signing_in_forgives_what_was_wrong_before(staff: User) -> None:
    for _ in range(3):
        assert [try_to_sign_in(password).status_code for password in ("wrong", "wrong", RIGHT)] == [200, 200, 302]


def test_a_program_is_told_in_json(staff: User) -> None:
    lock_out()
    answer = Client(REMOTE_ADDR="192.0.2.1").post("/sign-in/", {"username": "staff", "password": RIGHT})
    assert answer.json()["error"]["code"] == "too_many_attempts"


def test_no_password_is_written_down(staff: User) -> None:
    try_to_sign_in("s3cret-typo")
    assert "s3cret-typo" not in str(AccessAttempt.objects.values().get())


def test_who_is_signed_in_already_is_left_alone(staff: User) -> None:
    client = Client(REMOTE_ADDR="192.0.2.1")
    client.force_login(staff)
    make_run(staff)
    lock_out()
    assert client.get("/tasks/").status_code == 200


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "10.0.0.1"),  # anybody can say so
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),  # the client lies, the proxy adds the truth
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (1, "", "10.0.0.1"),
        (2, "203.0.113.9", "10.0.0.1"),  # fewer than there should be: not through our proxies
    ],
)
def test_an_address_is_what_our_own_proxies_say(proxies: int, forwarded: str, address: str, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded}
    assert address_of(request) == address


def test_one_address_guesses_a_bounded_number_of_names(staff: User, settings: Settings) -> None:
    settings.RATE_LIMITS["sign-in"] = "4/hour"
    answers = [try_to_sign_in("wrong", name=f"name-{number}") for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
    assert 0 < int(answers[-1]["Retry-After"]) <= 900
    assert "Too many attempts to sign in. Try again in" in read(answers[-1].content).one(class_="lead").text
    assert try_to_sign_in(RIGHT).status_code == 429
    assert try_to_sign_in(RIGHT, door="/admin/login/").status_code == 429
    assert try_to_sign_in(RIGHT, address="192.0.2.2").status_code == 302
    assert AccessAttempt.objects.count() == 4  # what was refused is not counted against any name


def test_who_gets_in_uses_up_nothing_of_their_address(staff: User, settings: Settings) -> None:
    settings.RATE_LIMITS["sign-in"] = "2/hour"
    answers = [try_to_sign_in(password).status_code for password in ("wrong", RIGHT, RIGHT, RIGHT, "wrong", RIGHT)]
    assert answers == [200, 302, 302, 302, 200, 429]


@pytest.mark.django_db(transaction=True)
async def test_a_server_that_is_asynchronous_answers_alike(staff: User) -> None:
    client = AsyncClient()
    for password, status in (("wrong", 200), ("wrong", 200), ("wrong", 429), (RIGHT, 429)):
        answer = await client.post("/sign-in/", {"username": "staff", "password": password}, headers=BROWSER)
        assert answer.status_code == status
    assert 0 < int(answer["Retry-After"]) <= 900
    assert "Try again in 15 minutes" in answer.content.decode()
