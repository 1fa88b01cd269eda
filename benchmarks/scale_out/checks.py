"""What must hold after a round. Each check returns what does not, in words; an empty list if all is well."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from psycopg import Connection

from benchmarks.scale_out.plan import Load, Socket

BAD_WORDS = ("ERROR", "CRITICAL", "FATAL", "PANIC", "Traceback", "[error]", "[crit]", "[alert]", "[emerg]")
# Our own way to see whether Postgres is up.
HARMLESS = ("the database system is starting up",)


def database(connection: Connection[Any], load: Load) -> list[str]:
    """Every run completed, at its first attempt, once; one notification for each; nothing left in line."""
    questions = {
        "runs": ("SELECT count(*) FROM background_tasks", load.runs),
        "runs completed at their first attempt": (
            "SELECT count(*) FROM background_tasks WHERE status = 'completed' AND attempt = 1 AND rescues = 0"
            " AND result = jsonb_build_object('steps', processed_items) AND cardinality(ARRAY("
            "SELECT jsonb_array_elements(worker_ids))) = 1",
            load.runs,
        ),
        "events that say completed": (
            "SELECT count(DISTINCT run_id) FROM task_events WHERE kind = 'state' AND data->>'status' = 'completed'",
            load.runs,
        ),
        "events that say so again": (
            "SELECT count(*) - count(DISTINCT run_id) FROM task_events"
            " WHERE kind = 'state' AND data->>'status' = 'completed'",
            0,
        ),
        "lines of the log": ("SELECT count(*) FROM task_events WHERE kind = 'log'", load.runs),
        "notifications, counted ones included": (
            "SELECT sum(coalesce(occurrences, 1)) FROM notifications LEFT JOIN notification_details"
            " ON notification_id = notifications.id",
            load.runs,
        ),
        "users with more or fewer notifications than runs": (
            "SELECT count(*) FROM (SELECT username, sum(coalesce(occurrences, 1)) AS told FROM notifications"
            " LEFT JOIN notification_details ON notification_id = notifications.id GROUP BY username) each"
            " FULL JOIN (SELECT username, count(*) AS ended FROM background_tasks JOIN auth_user"
            " ON auth_user.id = owner_id GROUP BY username) theirs USING (username) WHERE told IS DISTINCT FROM ended",
            0,
        ),
        "tickets left": ("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'tasks.execute'", 0),
    }
    answers = {}
    for what, (question, expected) in questions.items():
        row = connection.execute(question).fetchone()
        answers[what] = (int(row[0] or 0) if row else 0, expected)
    return [f"{found} {what}, not {expected}" for what, (found, expected) in answers.items() if found != expected]


def runs_of(connection: Connection[Any], sockets: Sequence[Socket]) -> list[list[str]]:
    """The runs that each socket watches."""
    mine: dict[str, list[str]] = defaultdict(list)
    of_topic: dict[tuple[str, str], list[str]] = defaultdict(list)
    rows = connection.execute(
        "SELECT background_tasks.id::text, username, topic"
        " FROM background_tasks JOIN auth_user ON auth_user.id = owner_id"
    )
    for run, username, topic in rows:
        mine[username].append(run)
        of_topic[username, topic].append(run)
    watched = {
        "run": lambda one: [one.of],
        "mine": lambda one: mine[f"user-{one.user}"],
        "topic": lambda one: of_topic[f"user-{one.user}", one.of],
        "notifications": lambda one: [],
    }
    return [watched[one.kind](one) for one in sockets]


def expected(connection: Connection[Any], plan: Sequence[Socket]) -> tuple[int, int]:
    """How many ends of runs, and how many notifications in JSON, all of them are to hear."""
    told = notified(connection)
    bells = (one for one in plan if one.kind == "notifications" and not one.html)
    return sum(map(len, runs_of(connection, plan))), sum(told[f"user-{one.user}"] for one in bells)


def notified(connection: Connection[Any]) -> dict[str, int]:
    """How many runs of each user have ended: so often was a notification told."""
    rows = connection.execute(
        "SELECT username, count(*) FROM background_tasks JOIN auth_user ON auth_user.id = owner_id GROUP BY username"
    )
    return dict(rows.fetchall())


def sockets(connection: Connection[Any], plan: Sequence[Socket], heard: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each heard the end of everything it watches once, nothing backwards, and in JSON every line of the log."""
    kept: dict[str, list[int]] = defaultdict(list)
    for run, seq in connection.execute(
        "SELECT run_id::text, seq FROM task_events WHERE kind <> 'state' OR data->>'status' = 'completed'"
        " ORDER BY run_id, seq"
    ):
        kept[run].append(seq)
    told = notified(connection)
    wrong: Counter[str] = Counter()
    examples: list[tuple[str, str, list[int], list[int], int | None]] = []
    for one, runs, said in zip(plan, runs_of(connection, plan), heard, strict=True):
        kind = f"{one.kind}{', HTML' if one.html else ''}"
        wrong[f"{kind}: sockets were closed"] += said["closed"] is not None
        wrong[f"{kind}: sockets were told to forget"] += said["resets"]
        wrong[f"{kind}: frames came that were not newer"] += said["backwards"]
        wrong[f"{kind}: ends were not heard"] += sum(said["ends"].get(run, 0) == 0 for run in runs)
        wrong[f"{kind}: ends were heard twice"] += sum(said["ends"].get(run, 0) > 1 for run in runs)
        wrong[f"{kind}: ends were heard of others' runs"] += len(said["ends"].keys() - set(runs))
        if not one.html:
            missed = [run for run in runs if said["kept"].get(run, []) != kept[run]]
            wrong[f"{kind}: runs whose lines and end were not heard each once, in order"] += len(missed)
            examples += [(kind, run, said["kept"].get(run, []), kept[run], said["last"].get(run)) for run in missed]
        if one.kind == "notifications" and not one.html:
            difference = sum(said["notifications"].values()) - told[f"user-{one.user}"]
            wrong["notifications that sockets did not hear, or heard twice"] += abs(difference)
    return [f"{number} × {what}" for what, number in sorted(wrong.items()) if number] + [
        f"{kind}, for example: of run {run} were heard {heard}, of {there}; the last frame had seq {last}; it ended"
        f" {_seconds_before_the_last(connection, run):.1f} s before the last run"
        for kind, run, heard, there, last in examples[:10]
    ]


def _seconds_before_the_last(connection: Connection[Any], run: str) -> float:
    row = connection.execute(
        "SELECT extract(epoch FROM (SELECT max(completed_at) FROM background_tasks) - completed_at)::float8"
        " FROM background_tasks WHERE id = %s",
        [run],
    ).fetchone()
    return float(row[0]) if row else 0.0


def logs(folder: Path) -> list[str]:
    """Nobody complained."""
    found = []
    for path in [*folder.glob("*.log"), *folder.glob("nginx/*.log")]:
        for line in path.read_text(errors="replace").splitlines():
            if any(word in line for word in BAD_WORDS) and not any(words in line for words in HARMLESS):
                found.append(f"{path.name}: {line[:300]}")
    return found
