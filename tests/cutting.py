"""Connections that are cut in the middle of a transaction, by the database itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def cut_once_when_writing(table: str) -> Iterator[None]:
    """The first connection that inserts into `table` is ended by it; those after it may."""
    _run(
        "CREATE SEQUENCE cuts",  # counts on, whatever is rolled back
        "CREATE FUNCTION cut_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('cuts') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$",
        f"CREATE TRIGGER cut_once AFTER INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION cut_once()",
    )
    try:
        yield
    finally:
        _run(f"DROP TRIGGER cut_once ON {table}", "DROP FUNCTION cut_once", "DROP SEQUENCE cuts")


def _run(*statements: str) -> None:
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
