"""Migrations are applied while the version before serves, on tables of any size."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
from django.core.management import CommandError, call_command
from django.db import connection, connections, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from pytest_django.fixtures import Settings

from tests.servers import database_url
from tests.versions import previous, safety

CHECK = models.CheckConstraint(condition=models.Q(seq__gte=0), name="seq_is_no_debt")
INDEX = models.Index(fields=["message"], name="runs_by_message")


@pytest.fixture
def present(transactional_db: None) -> ProjectState:
    """The models as the newest migrations have them."""
    return MigrationLoader(connection).project_state()


def migration(*operations: Any, atomic: bool = True) -> migrations.Migration:
    """One of ours that does this."""
    made = migrations.Migration("0999_made_up", "tasks")
    made.operations, made.atomic = list(operations), atomic
    return made


def of_run(**columns: models.Field) -> migrations.AddField:
    """A new column of runs."""
    [(name, field)] = columns.items()
    return migrations.AddField("taskrun", name, field)


def test_what_was_added_since_the_version_before_can_be_applied_under_it(transactional_db: None) -> None:
    loader = MigrationLoader(connection)
    complaints = {
        key: safety.complaints_about(loader.graph.nodes[key], loader.project_state(key, at_end=False))
        for key in safety.added(loader)
    }
    wrong = {".".join(key): why for key, why in complaints.items() if why}
    assert not wrong, "see docs/deployment.md, Migrations on big tables"


def test_every_migration_that_the_version_before_has_not_is_looked_at(
    transactional_db: None, settings: Settings
) -> None:
    assert ("live", "0001_initial") not in safety.added(MigrationLoader(connection))
    settings.MIGRATION_MODULES = {"live": "tests.versions.in_use"}
    loader = MigrationLoader(connection)
    assert ("live", "0001_initial") in safety.added(loader)
    assert set(loader.graph.nodes) >= {tuple(name.split(".")) for name in safety.KNOWN.read_text().split()}


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (migration(of_run(colour=models.CharField(max_length=9, default="red"))), "ban-drop-default"),
        (migration(migrations.AddIndex("taskrun", INDEX)), "require-concurrent-index-creation"),
        (migration(migrations.AddConstraint("taskrun", CHECK)), "constraint-missing-not-valid"),
        (
            migration(
                migrations.AddConstraint("taskrun", models.UniqueConstraint(fields=["seq", "id"], name="one_of_each"))
            ),
            "disallowed-unique-constraint",
        ),
        (migration(migrations.AlterField("taskrun", "seq", models.TextField())), "changing-column-type"),
        (migration(migrations.RemoveField("taskrun", "message")), "ban-drop-column"),
        (migration(migrations.RenameField("taskrun", "message", "words")), "renaming-column"),
        (migration(migrations.AlterModelTable("taskrun", "runs")), "renaming-table"),
        (migration(migrations.DeleteModel("queuestate")), "ban-drop-table"),
        (migration(migrations.RunPython(migrations.RunPython.noop)), "python-in-a-transaction"),
        (migration(migrations.RunSQL("UPDATE background_tasks SET message = ''")), "changes-rows"),
        (
            migration(AddIndexConcurrently("taskrun", INDEX), of_run(x=models.IntegerField(null=True)), atomic=False),
            "waits-without-limit",
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_would_stop_the_site_or_break_the_version_before_is_refused(
    present: ProjectState, wrong: migrations.Migration, rule: str
) -> None:
    assert rule in safety.complaints_about(wrong, present)


@pytest.mark.parametrize(
    "right",
    [
        migration(of_run(colour=models.CharField(max_length=9, default="", db_default=""))),
        migration(of_run(size=models.IntegerField(null=True))),
        migration(AddIndexConcurrently("taskrun", INDEX), atomic=False),
        migration(AddConstraintNotValid("taskrun", CHECK)),
        migration(migrations.CreateModel("Thing", [("id", models.BigAutoField(primary_key=True))])),
        migration(migrations.RunPython(migrations.RunPython.noop), atomic=False),
    ],
    ids=["default in the database", "null", "concurrently", "not valid yet", "new table", "python in batches"],
)
def test_what_takes_a_moment_is_allowed(present: ProjectState, right: migrations.Migration) -> None:
    assert safety.complaints_about(right, present) == {}


def test_a_constraint_may_be_validated_once_it_is_there(present: ProjectState) -> None:
    AddConstraintNotValid("taskrun", CHECK).state_forwards("tasks", present)
    validating = migration(ValidateConstraint("taskrun", CHECK.name), atomic=False)
    assert safety.complaints_about(validating, present) == {}


def test_the_list_of_known_migrations_is_that_of_the_version_before(tmp_path: Any) -> None:
    folder = previous.unpack(tmp_path / "previous")
    found = {
        f"{path.parent.parent.name}.{path.stem}"
        for room in safety.OURS
        for path in folder.glob(f"{room}/migrations/0*.py")
    }
    assert set(safety.KNOWN.read_text().split()) == found


@pytest.fixture
def long_reader(transactional_db: None, settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A report that has begun on the table of runs; and a migration that wants this table for itself."""
    settings.MIGRATION_MODULES = {"live": "tests.versions.in_use"}
    with psycopg.connect(database_url()) as reader:
        reader.execute("SELECT count(*) FROM background_tasks")
        yield reader
    call_command("migrate", "live", "zero", verbosity=0)


def test_a_migration_behind_a_long_reader_keeps_others_waiting_for_a_moment_and_gets_its_turn(
    long_reader: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("statusproj.management.commands.migrate.PAUSE", 0.1)
    troubles: list[BaseException] = []

    def migrate() -> None:
        try:
            call_command("migrate", "live", verbosity=0, lock_timeout=0.3, lock_attempts=100)
        except BaseException as trouble:
            troubles.append(trouble)
        finally:
            connections.close_all()

    waits: list[float] = []
    thread = threading.Thread(target=migrate)
    thread.start()
    with psycopg.connect(database_url(), autocommit=True) as visitor:
        until = time.monotonic() + 2
        while time.monotonic() < until:
            began = time.monotonic()
            visitor.execute("SELECT count(*) FROM background_tasks")
            waits.append(time.monotonic() - began)
        assert thread.is_alive(), troubles
        long_reader.commit()
        thread.join(30)
    assert not thread.is_alive() and not troubles
    assert ("live", "0001_initial") in MigrationLoader(connection).applied_migrations
    assert max(waits) > 0.2, "the migration has been in the way at all"
    assert max(waits) < 1.0, f"not longer than its patience, and a busy machine's: {max(waits)}"


def test_a_migration_that_never_gets_its_lock_says_what_to_do(long_reader: psycopg.Connection[Any]) -> None:
    with pytest.raises(CommandError, match="pg_stat_activity"):
        call_command("migrate", "live", verbosity=0, lock_timeout=0.05, lock_attempts=1)
    long_reader.commit()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",), "whoever goes on with the connection waits as before"
