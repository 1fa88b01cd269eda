"""Who works here: users with a session for their sockets and a token for the API. Needs Django to be set up."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from accounts import tokens
from accounts.scopes import Scope
from tools.chaos.functions import BOOKED


@dataclass(frozen=True, kw_only=True)
class Person:
    """A user, and by what they are let in."""

    user: User
    cookie: str
    token: str


def settle_in(names: list[str]) -> list[Person]:
    """These people, new, and the table that functions write to."""
    with connection.cursor() as cursor:
        cursor.execute(BOOKED)
    return [_person(name) for name in names]


def _person(name: str) -> Person:
    user = User.objects.create_user(name)
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    _, secret = tokens.create(user, name="chaos", scopes=[Scope.READ, Scope.WRITE], expires_at=None)
    return Person(user=user, cookie=f"{settings.SESSION_COOKIE_NAME}={session}", token=secret)
