"""May a migration be applied while the version before serves, on a table with millions of rows?

The statements themselves are looked at, by squawk, which knows what locks each takes and for how long. What it cannot
see, because it is Python or needs to know how Django applies it, is looked at here.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from django.db import connection
from django.db.migrations import Migration, RunPython
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

OURS = {"accounts", "ingest", "tasks", "notifications", "live", "statusproj"}
KNOWN = Path(__file__).parent / "migrations.txt"
SQUAWK = Path(sys.executable).parent / "squawk"

# Taste, not safety: how Django writes; and what `manage.py migrate` sees to by itself.
NOT_ASKED = (
    *("prefer-robust-stmts", "prefer-text-field", "prefer-bigint-over-int", "prefer-bigint-over-smallint"),
    *("require-lock-timeout", "require-statement-timeout"),
)
# What may be done without a transaction, and so without a limit to how long it waits: nobody waits for these.
HARMLESS_ALONE = re.compile(
    r"(CREATE (UNIQUE )?INDEX|DROP INDEX) CONCURRENTLY|ALTER TABLE \S+ VALIDATE CONSTRAINT", re.IGNORECASE
)
CHANGES_ROWS = re.compile(r"(UPDATE|DELETE|INSERT|MERGE|TRUNCATE)\b", re.IGNORECASE)

# What a migration may do all the same, and why: {("app", "name"): {"rule": "reason"}}.
ACCEPTED: dict[tuple[str, str], dict[str, str]] = {}


def added(loader: MigrationLoader) -> list[tuple[str, str]]:
    """Our migrations that the version before does not have."""
    known = set(KNOWN.read_text().split())
    return sorted(key for key in loader.graph.nodes if key[0] in OURS and ".".join(key) not in known)


def complaints_about(migration: Migration, before: ProjectState) -> dict[str, str]:
    """What is wrong with a migration, applied to `before`: rule and explanation."""
    statements = statements_of(migration, before)
    found = _of_squawk("\n".join(statements), in_transaction=migration.atomic)
    found |= _of_ours(migration, [text for text in map(_bare, statements) if text])
    accepted = ACCEPTED.get((migration.app_label, migration.name), {})
    return {rule: why for rule, why in found.items() if rule not in accepted}


def statements_of(migration: Migration, before: ProjectState) -> list[str]:
    """What a migration says to Postgres."""
    with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
        migration.apply(before.clone(), editor, collect_sql=True)
    return list(editor.collected_sql)


def _of_squawk(sql: str, *, in_transaction: bool) -> dict[str, str]:
    command = [SQUAWK, "--reporter", "json", "--pg-version", "15.0", "--exclude", ",".join(NOT_ASKED)]
    if in_transaction:
        command.append("--assume-in-transaction")
    done = subprocess.run(
        [*command, "--stdin-filepath", "migration.sql"], input=sql, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    return {one["rule_name"]: one["message"] for one in json.loads(done.stdout or "[]")}


def _of_ours(migration: Migration, statements: list[str]) -> dict[str, str]:
    found = {}
    if migration.atomic and any(isinstance(operation, RunPython) for operation in migration.operations):
        found["python-in-a-transaction"] = "Rows are changed by a command, or with atomic = False in short batches."
    if any(CHANGES_ROWS.match(text) for text in statements):
        found["changes-rows"] = "One statement over a whole table locks its rows until the end: change them in batches."
    if not migration.atomic and not all(HARMLESS_ALONE.match(text) for text in statements):
        found["waits-without-limit"] = "Without a transaction only what nobody waits for: CONCURRENTLY, VALIDATE."
    return found


def _bare(statement: str) -> str:
    return re.sub(r"^(\s*--[^\n]*\n?)+", "", statement).strip()
