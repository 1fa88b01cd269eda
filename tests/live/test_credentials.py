"""Whether who opened a socket is still who they were, wherever sessions are kept."""

from importlib import import_module

import pytest
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from live.credentials import Credentials, credentials_of, withdrawn

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("engine", ["db", "cached_db", "cache", "file"])
def test_a_session_that_has_ended_lets_nobody_in(owner: User, settings: Settings, engine: str) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[HASH_SESSION_KEY] = owner.get_session_auth_hash()
    session.create()
    held = credentials_of(owner, session)
    assert withdrawn([held]) == set()
    session.delete()
    assert withdrawn([held]) == {held}


def test_sessions_kept_in_cookies_end_with_user_and_password_only(owner: User, settings: Settings) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    held = Credentials(owner.pk, "signed", owner.get_session_auth_hash())
    assert withdrawn([held]) == set()
    owner.set_password("another")
    owner.save()
    assert withdrawn([held]) == {held}


def test_a_rotated_secret_key_keeps_sockets_open(owner: User, settings: Settings) -> None:
    held = Credentials(owner.pk, "", owner.get_session_auth_hash())
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one"
    assert withdrawn([held]) == set()


def test_without_a_session_the_account_alone_counts(owner: User) -> None:
    held = credentials_of(owner, None)
    assert withdrawn([held]) == set()
    User.objects.update(is_active=False)
    assert withdrawn([held]) == {held}


def test_many_cost_as_much_as_one(owner: User, teammate: User, stranger: User) -> None:
    everyone = [Credentials(user.pk, f"session-{n}", "") for user in (owner, teammate, stranger) for n in range(5)]
    with CaptureQueriesContext(connection) as queries:
        assert withdrawn(everyone) == set(everyone)
    assert len(queries) == 2
