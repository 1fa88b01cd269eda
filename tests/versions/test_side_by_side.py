"""The version before and this one beside each other, as during every deploy: docs/deployment.md, "Upgrading"."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.servers import redis
from tests.servers import ROOT, Process, Server, free_port, get, require
from tests.tasks import functions
from tests.versions import previous
from tests.versions.site import Listener, Person, database, seed
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.redis, pytest.mark.timeout(240)]

# Who enqueues it, and whose worker takes it: each has a queue of its own.
CROSSED = {"old to old": "old", "old to new": "new", "new to old": "old", "new to new": "new"}
WANTED = {
    **{name: ("reporter", queue, name.replace(" ", "-")) for name, queue in CROSSED.items()},
    "handed over": ("reporter", "old", "handed-over"),
    "cancelled by old": ("tick", "new", 60_000),
    "cancelled by new": ("tick", "old", 60_000),
}
TOLD = ["batch_update", "batch_update", "batch_update", "log", "completed"]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The files of the version before."""
    require("redis-server")
    return previous.unpack(tmp_path / "previous")


@pytest.fixture
def environment(transactional_db: None, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What all processes of both versions are started with: one database, one Redis."""
    with database() as url, redis(port := free_port()):
        yield {
            "DATABASE_URL": url,
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "SECRET_KEY": "both versions sign with it",
            "DATA_DIR": str(tmp_path / "data"),
            "TASKS_QUEUES": "default,old,new",
            "TASKS_GRACE_SECONDS": "0.5",
            "DJANGO_SETTINGS_MODULE": "statusproj.settings",
        }


@pytest.fixture
def started() -> Iterator[list[Process]]:
    """Processes a test adds here are ended after it; before its database is dropped."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.end()


def test_a_deploy_loses_nothing_does_nothing_twice_and_leaves_nobody_behind(
    old: Path, environment: dict[str, str], started: list[Process]
) -> None:
    def worker(root: Path, *queues: str) -> Process:
        named = [part for queue in queues for part in ("--queue", queue)]
        started.append(process := Process("worker", "--concurrency", "6", *named, root=root, **environment))
        return process

    def web(root: Path) -> Server:
        started.append(server := Server("--no-migrate", "--no-worker", root=root, **environment))
        return server

    # The old version serves and works.
    seeded = seed(old, WANTED, environment)
    person, seeds = Person(seeded["session"]), seeded["seeds"]
    runs: dict[str, str] = {}
    old_worker = worker(old, "old", "default")
    old_web = web(old)
    for name in ("old to old", "old to new", "handed over"):
        runs[name] = person.start(old_web, seeds[name])
    eventually(
        lambda: {person.run(old_web, runs[name])["status"] for name in ("old to old", "handed over")} == {"running"},
        within=30,
        what="the old worker is at work",
    )

    # The database is migrated under it, then the new version comes up beside it.
    started.append(migrating := Process("migrate", "--noinput", **environment))
    assert migrating.wait() == 0, migrating.log
    assert get(old_web.port, "/readyz"), "older code is ready beside a newer database"
    worker(ROOT, "new")
    new_web = web(ROOT)
    webs = (old_web, new_web)
    listeners = [person.listen(each) for each in webs]
    for name in ("new to old", "new to new"):
        runs[name] = person.start(new_web, seeds[name])

    # Either cancels what the other's worker does, and both hear it.
    for name, asked, other in (("cancelled by old", old_web, new_web), ("cancelled by new", new_web, old_web)):
        runs[name] = person.start(other, seeds[name])
        eventually(lambda name=name, web=asked: person.run(web, runs[name])["processed_items"], within=30, what=name)
        person.ask(asked, "DELETE", f"/api/background-tasks/task/{runs[name]}")
    eventually(
        lambda: all(person.run(old_web, runs[name])["status"] == "running" for name in CROSSED),
        within=30,
        what="each run is at work, whoever enqueued it",
    )
    for name in CROSSED:
        functions.gate_file(name.replace(" ", "-")).touch()
    ended = [*CROSSED, "cancelled by old", "cancelled by new"]
    for listener in listeners:
        eventually(lambda it=listener: all(it.has_ended(runs[name]) for name in ended), within=40, what="all hear all")
        for name in ended:
            assert_told_well(listener, runs[name], TOLD if name in CROSSED else ["cancelling", "cancelled"])
    for name in ended:
        one, other = (person.run(each, runs[name]) for each in webs)
        assert one.items() <= other.items() or other.items() <= one.items(), (one, other)
        assert person.history(old_web, runs[name]) == person.history(new_web, runs[name])

    # The old version leaves: its run goes back in line, its sockets are sent back, and both come to the new one.
    worker(ROOT, "old", "default")
    old_worker.send(signal.SIGTERM)
    assert old_worker.wait() == 0, old_worker.log
    eventually(
        lambda: len([one for one in person.history(new_web, runs["handed over"]) if one[1] == "running"]) == 2,
        within=30,
        what="a new worker takes up what the old one had to leave",
    )
    old_web.send(signal.SIGTERM)
    assert old_web.wait() == 0, old_web.log
    assert listeners[0].closed() == 1012
    again = person.listen(new_web)
    functions.gate_file("handed-over").touch()
    for listener in (listeners[1], again):
        eventually(lambda it=listener: it.has_ended(runs["handed over"]), within=30, what="the run ends")
        assert_told_well(listener, runs["handed over"], TOLD)
        listener.close()

    # Nothing lost, nothing twice, each end notified once.
    for name, run_id in runs.items():
        run = person.run(new_web, run_id)
        expected = "cancelled" if name.startswith("cancelled") else "completed"
        assert (run["status"], run["attempt"]) == (expected, 2 if name == "handed over" else 1), name
        kinds = person.history(new_web, run_id)
        assert kinds.count(("batch", None)) == (0 if name.startswith("cancelled") else 3)
        assert len([status for kind, status in kinds if kind == "state" and status == expected]) == 1
    notified = person.ask(new_web, "GET", "/api/notifications?limit=100")["notifications"]
    of_completed = {runs[name] for name in [*CROSSED, "handed over"]}
    assert sorted(one["link"].strip("/").rpartition("/")[2] for one in notified) == sorted(of_completed)
    assert person.ask(new_web, "GET", "/api/background-tasks/summary")["summary"]["pending"] == 0


def assert_told_well(listener: Listener, run_id: str, told: list[str]) -> None:
    """In order, nothing twice, nothing left out that may not be, and the end once."""
    seqs = [frame["seq"] for frame in listener.of(run_id)]
    assert seqs == sorted(set(seqs)), listener.of(run_id)
    assert listener.statuses(run_id) == told


def test_the_version_before_is_named_by_a_whole_commit_and_the_document_says_where() -> None:
    assert len(previous.COMMIT) == 40 and int(previous.COMMIT, 16)
    assert "tests/versions/previous.txt" in (ROOT / "docs" / "deployment.md").read_text()
