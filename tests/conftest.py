"""What every test may use: the fixed cast, and a database that threads and processes can share."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.workers import WorkerThread

# A shell without job control starts what is put in the background with SIGINT ignored, and a process hands that on: the
# programs that tests start would not hear Ctrl-C.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

IN_CI = os.environ.get("CI") == "true"

# How long an example takes depends on the machine's other work, and says nothing of what a property is about. A fixture
# is made once for all examples of a test: those that use one, mean that.
hypothesis_settings.register_profile("ours", deadline=None, suppress_health_check=list(HealthCheck))
hypothesis_settings.load_profile("ours")


@pytest.hookimpl(trylast=True)  # after the order has been shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread tests that are given more than the usual time over the first three quarters: none begins when all else is
    done, with two workers looking on, and no more of them meet than must."""
    usual = float(items[0].config.getini("timeout")) if items else 0
    marks = {item: item.get_closest_marker("timeout") for item in items}
    long = [item for item, mark in marks.items() if mark is not None and mark.args[0] > usual]
    short = [item for item in items if item not in set(long)]
    every = max(1, len(short) * 3 // 4 // max(1, len(long)))
    for place, item in enumerate(long):
        short.insert(place * (every + 1), item)
    items[:] = short


@pytest.fixture(scope="session", autouse=True)
def _passwords_cost_little() -> None:
    """Making a user must not take longer than the test. Servers understand the second one, and make the third."""
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.Argon2PasswordHasher",
    ]


@pytest.fixture(autouse=True)
def _nobody_speaks_yet() -> Iterator[None]:
    """A request leaves its language active in the thread: the next test is to begin without."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Before the test database is dropped, end the sessions that threads of asynchronous tests left open."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _user(username: str, **extra: bool) -> User:
    return User.objects.create_user(username=username, password="correct horse", **extra)


@pytest.fixture
def owner(db: None) -> User:
    """The person whose runs, topics and notifications a test is about."""
    return _user("owner")


@pytest.fixture
def teammate(db: None) -> User:
    """Another ordinary user, who also hears broadcasts."""
    return _user("teammate")


@pytest.fixture
def stranger(db: None) -> User:
    """Another ordinary user, who must see nothing of the owner's."""
    return _user("stranger")


@pytest.fixture
def staff(db: None) -> User:
    """Staff with every permission of our own apps, but no superuser."""
    user = _user("staff", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label__in=["tasks", "notifications", "ingest", "accounts"])
    )
    return user


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """`client_of(user)`: a test client signed in as `user`."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def engine_tables(transactional_db: None) -> Iterator[None]:
    """The engine's tables, empty before and after: Django's flush does not know them."""
    _empty_engine_tables()
    yield
    _empty_engine_tables()


def _empty_engine_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers, procrastinate_events CASCADE")


@pytest.fixture
def worker(engine_tables: None) -> Iterator[WorkerThread]:
    """A worker that is running."""
    thread = WorkerThread().start()
    yield thread
    thread.stop()
