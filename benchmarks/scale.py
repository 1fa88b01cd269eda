"""What a million runs cost: lists, counts, enqueue and claim at 1,000 and 1,000,000 rows, in turns. → docs/scale.md"""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from statistics import median

from benchmarks.harness import Result, Row, scratch_database
from benchmarks.plans import plan_of

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scale.md"
SMALL, LARGE = 1_000, int(os.environ.get("SCALE_ROWS", "1000000"))
ROUNDS, PER_ROUND = 5, 6
OWNERS, TOPICS = 50, 200
RUNS = ("background_tasks", "task_counts", "task_hours")
RUN_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(kw_only=True)
class Taken:
    """Milliseconds at 1,000 and at 1,000,000 runs, and for a page how many runs it showed."""

    few: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How much more a million cost."""
        return median(self.many) / median(self.few)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One thing that somebody waits for: what `reads` does. With `plan` its slowest query is explained."""

    name: str
    reads: Callable[[], object]
    plan: bool = False


def main() -> None:
    """Fill two databases, measure in both in turns, write the page."""
    with scratch_database(), two_databases() as (small, large):
        fill_each({small: SMALL, large: LARGE}, fill, "runs")
        samples = measure(small, large, figures)
        plans = explain(large, figures)
        samples |= measure_workers(small, large)
    PAGE.write_text(render(samples, plans))
    compared("scale_runs", "1,000,000 runs against 1,000", samples, notes=[told_on(PAGE)]).save()
    print(f"  Written: {PAGE}")


@contextmanager
def two_databases() -> Iterator[tuple[str, str]]:
    """The scratch database, and a copy of it."""
    from django.db import connection

    small = str(connection.settings_dict["NAME"])
    large = f"{small}_large"
    use("postgres")
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{large}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{large}" TEMPLATE "{small}"')
    try:
        yield small, large
    finally:
        use("postgres")
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{large}" WITH (FORCE)')
        use(small)


def use(database: str) -> None:
    """Talk to this database from now on."""
    from django.db import connection

    connection.close()
    connection.close_pool()
    connection.settings_dict["NAME"] = database


def fill_each(sizes: Mapping[str, int], fill: Callable[[int], None], what: str) -> None:
    """Let `fill` make so many rows in each database, and say how long it took."""
    for name, rows in sizes.items():
        use(name)
        begun = time.perf_counter()
        fill(rows)
        print(f"  {rows:,} {what} in {time.perf_counter() - begun:.0f} s", flush=True)


def fill(rows: int) -> None:
    """So many runs as a week leaves behind: 97 % completed, 2 % failed, 1 % cancelled, some live; one heavy owner."""
    from django.contrib.auth.models import User
    from django.db import connection

    User.objects.create_superuser("staff")
    for number in range(OWNERS):
        User.objects.create(username=f"owner{number}")
    values = {
        "id": "gen_random_uuid()",
        "task": "'shop.tasks.task_' || n % 20",
        "name": "(array['Nightly import', 'Send invoices', 'Resize pictures', 'Collect'])[1 + n % 4] || ' ' || n",
        "status": "status",
        "queue": "'default'",
        "owner_id": "owner_id",
        "topic": "'topic-' || topic",
        "created_at": "at",
        "started_at": "CASE WHEN status NOT IN ('pending') THEN at + interval '1 second' END",
        "completed_at": "CASE WHEN status NOT IN ('pending', 'running') THEN at + interval '9 seconds' END",
        "run_after": "CASE WHEN status = 'pending' THEN now() + interval '1 day' END",
        "progress": "CASE status WHEN 'completed' THEN 100 WHEN 'running' THEN 50 ELSE 0 END",
        "result": """CASE status WHEN 'completed' THEN '{"saved": 120}'::jsonb END""",
        "error": "CASE status WHEN 'failed' THEN 'ConnectionError: no answer' ELSE '' END",
        "search": "'shop tasks task ' || n % 20 || ' nightly import ' || n || ' topic ' || topic",
        "seq": "3",
    }
    columns, selected = zip(*_columns(values), strict=True)
    with connection.cursor() as cursor:
        # owner0 has 3 of 10, and cancelled none of them; the last topic has few runs.
        cursor.execute(
            f"""
            INSERT INTO background_tasks ({", ".join(columns)})
            SELECT {", ".join(selected)} FROM (
                SELECT n, now() - interval '7 days' * (1 - n::float / {rows}) AS at,
                    (SELECT id FROM auth_user WHERE username = 'owner' ||
                        CASE WHEN n / 100 % 10 < 3 THEN 0 ELSE 1 + n / 10 % ({OWNERS} - 1) END) AS owner_id,
                    CASE WHEN n % 50000 = 7 THEN {TOPICS} ELSE n / 7 % {TOPICS} END AS topic,
                    CASE WHEN n > {rows} - 5 THEN 'running' WHEN n > {rows} - 105 THEN 'pending'
                        WHEN n % 100 IN (1, 51) THEN 'failed' WHEN n % 100 = 2 AND n / 100 % 10 >= 3 THEN 'cancelled'
                        ELSE 'completed' END AS status
                FROM generate_series(1, {rows}) n
            ) made
            """
        )
        cursor.execute(
            "INSERT INTO task_events (run_id, seq, at, kind, data) SELECT id, 3, completed_at, 'state', "
            "jsonb_build_object('status', status, 'attempt', 1) FROM background_tasks WHERE completed_at IS NOT NULL"
        )
        # What the trigger would have written: these runs did not end, they were stored as ended.
        cursor.execute(import_module("tasks.migrations.0009_hours_are_counted").COUNT_STORED)
        cursor.execute("VACUUM ANALYZE")


def _columns(values: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Every column of a run with the SQL that fills it: of `values`, or the model's default."""
    from django.db import connection

    from tasks.models import TaskRun

    plain = TaskRun()
    for column in TaskRun._meta.concrete_fields:
        if column.column in values:
            yield column.column, values[column.column]
        else:
            default = column.get_db_prep_save(getattr(plain, column.attname), connection)
            with connection.cursor() as cursor:
                yield column.column, cursor.cursor.mogrify("%s", [default])


def figures() -> list[Figure]:
    """What people and programs ask for all day. For the database in use now."""
    from django.contrib.auth.models import User
    from django.core.cache import cache
    from django.test import Client

    from tasks import bulk, history, live_sources, manager, queues
    from tasks.filters import Filters
    from tasks.groups import EVERY_RUN, owner_group
    from tasks.listing import cursor_of
    from tasks.models import TaskRun
    from tasks.standstill import find_standstill

    cache.clear()
    people = {name: User.objects.get(username=name) for name in ("staff", "owner0", "owner7")}
    clients = {name: Client(headers={"host": "localhost"}) for name in people}
    for name, client in clients.items():
        client.force_login(people[name])

    def page(name: str, address: str) -> Callable[[], object]:
        def read() -> int:
            answer = clients[name].get(address)
            assert answer.status_code == 200, answer.status_code
            return len(set(RUN_ID.findall(answer.content)))

        return read

    def deep(name: str, **asked: str) -> str:
        runs = TaskRun.objects.visible_to(people[name]).filter(**asked)
        return cursor_of(runs.order_by("-created_at", "-id")[runs.count() // 2])

    tabs = ("", "running", "pending", "completed", "failed", "cancelled")
    who = {"staff": "staff", "owner0": "an owner with 3 of 10 runs, none cancelled", "owner7": "an owner with 1 of 70"}
    found = [Figure(name=f"dashboard, {who[name]}", reads=page(name, "/"), plan=name != "owner0") for name in who]
    for name, words in who.items():
        for status in tabs:
            address = f"/tasks/?status={status}"
            found.append(Figure(name=f"list, {status or 'all'}, {words}", reads=page(name, address), plan=True))
        found += [
            Figure(name=f"list, a topic, {words}", reads=page(name, "/tasks/?topic=topic-3"), plan=True),
            Figure(
                name=f"list, a page in the middle, {words}", reads=page(name, f"/tasks/?after={deep(name)}"), plan=True
            ),
        ]
    found += [
        Figure(
            name="list, a topic of few runs, staff", reads=page("staff", f"/tasks/?topic=topic-{TOPICS}"), plan=True
        ),
        Figure(
            name="list, failed of a topic, staff", reads=page("staff", "/tasks/?topic=topic-0&status=failed"), plan=True
        ),
        Figure(
            name="list, failed, a page in the middle, staff",
            reads=page("staff", f"/tasks/?status=failed&after={deep('staff', status='failed')}"),
            plan=True,
        ),
        Figure(name="API list, staff", reads=page("staff", "/api/background-tasks/tasks")),
        Figure(name="API list, failed, owner", reads=page("owner7", "/api/background-tasks/tasks?status=failed")),
        Figure(
            name="API list, a page in the middle, staff",
            reads=page("staff", f"/api/background-tasks/tasks?cursor={deep('staff')}"),
        ),
        Figure(name="summary, staff", reads=lambda: manager.get_task_summary(viewer=people["staff"]), plan=True),
        Figure(name="the last 24 hours, staff", reads=lambda: history.last_hours(people["staff"]), plan=True),
        Figure(name="the last 24 hours, owner", reads=lambda: history.last_hours(people["owner7"]), plan=True),
        Figure(name="summary, owner", reads=lambda: manager.get_task_summary(viewer=people["owner7"]), plan=True),
        Figure(name="does the line stand still?", reads=find_standstill, plan=True),
        Figure(name="the queues", reads=queues.overview, plan=True),
        *(
            Figure(
                name=f"what sockets re-read, {words}",
                reads=lambda group=group: list(live_sources.reread([group])),
                plan=True,
            )
            for words, group in (
                (who["staff"], EVERY_RUN),
                (who["owner0"], owner_group(people["owner0"].pk)),
                (who["owner7"], owner_group(people["owner7"].pk)),
            )
        ),
        Figure(
            name="what a new socket is told, owner",
            reads=lambda: live_sources.snapshot_runs(owner_group(people["owner0"].pk)),
        ),
        Figure(
            name="bulk retry: how many failed match? (all at 1,000; at most 10,000)",
            reads=lambda: bulk.count(people["staff"], Filters(statuses=("failed",)), bulk.Action.RETRY),
            plan=True,
        ),
    ]
    return found


def measure(
    small: str, large: str, figures: Callable[[], list[Figure]], *, rounds: int = ROUNDS, per_round: int = PER_ROUND
) -> dict[str, Taken]:
    """Each figure in both databases, a few times in turns."""
    found: dict[str, Taken] = {}
    for number in range(rounds):
        for name in (small, large):
            use(name)
            for figure in figures():
                taken = found.setdefault(figure.name, Taken())
                shown = figure.reads()
                if number == 0 and isinstance(shown, int):
                    taken.shown.append(shown)
                into = taken.few if name == small else taken.many
                into += [_milliseconds(figure.reads) for _ in range(per_round)]
    return found


def measure_workers(small: str, large: str) -> dict[str, Taken]:
    """Enqueue, and from enqueue to the function's first line on an idle worker. Last, for workers tidy up."""
    from benchmarks import functions
    from tasks.background import BackgroundWorker

    enqueued, started = Taken(), Taken()
    for _ in range(ROUNDS):
        for name in (small, large):
            use(name)
            worker = BackgroundWorker().start()
            try:
                for number in range(30):
                    functions.has_started.clear()
                    begun = time.perf_counter()
                    functions.start.enqueue()
                    done = time.perf_counter()
                    if not functions.has_started.wait(60):
                        raise SystemExit("a run did not start within 60 s")
                    if number >= 5:
                        for taken, end in ((enqueued, done), (started, functions.started_at[-1])):
                            (taken.few if name == small else taken.many).append((end - begun) * 1000)
                    time.sleep(0.01)
            finally:
                worker.stop()
    return {"enqueue": enqueued, "enqueue to start, idle worker (fetch and claim)": started}


def _milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def explain(large: str, figures: Callable[[], list[Figure]], tables: Sequence[str] = RUNS) -> dict[str, str]:
    """The plan of each figure's slowest query about `tables` at a million rows."""
    use(large)
    return {figure.name: plan_of(figure.reads, tables) for figure in figures() if figure.plan}


def render(samples: dict[str, Taken], plans: dict[str, str]) -> str:
    """The page."""
    lines = [
        "# A million runs\n",
        "Written by `make bench` (`benchmarks/scale.py`). Two databases on one server, one with 1,000 runs and one\n"
        f"with {LARGE:,}, measured in turns: whole pages through Django's test client, milliseconds, medians.\n"
        "97 % are completed, 2 % failed, 1 % cancelled, 105 live; 50 owners, one of whom has 3 of 10 runs; 200\n"
        "topics. Target: at most 3 ×. A page that shows more runs takes longer to draw: their number is beside it.\n",
        f"Load of the machine meanwhile: {os.getloadavg()[2]:.1f}, on {os.cpu_count()} cores.\n",
        *table(samples),
        "\n## Plans at a million runs\n",
        "`EXPLAIN (ANALYZE, BUFFERS)` of the slowest query behind each, its telling lines.\n",
    ]
    for name, plan in plans.items():
        lines.append(f"**{name}**\n\n```text\n{plan}\n```\n")
    return "\n".join(lines)


def table(samples: dict[str, Taken]) -> list[str]:
    """The figures, for a page and for whoever waits at the terminal."""
    lines = ["| | 1,000 | 1,000,000 | × | shown |", "|---|---:|---:|---:|---:|"]
    for name, taken in samples.items():
        few, many, shown = median(taken.few), median(taken.many), " / ".join(str(number) for number in taken.shown)
        lines.append(f"| {name} | {few:.1f} | {many:.1f} | {taken.ratio:.2f} | {shown} |")
        print(f"  {name:<70} {few:8.1f} {many:8.1f} ms  x {taken.ratio:.2f}  {shown}")
    return lines


def told_on(page: Path) -> str:
    """Where there is more about these figures."""
    return f"Milliseconds, what was shown and the plans: [{page.name}]({page.name})"


def compared(key: str, title: str, samples: dict[str, Taken], *, notes: Sequence[str]) -> Result:
    """What each costs at a million, as a multiple of what it costs at a thousand."""
    rows = [Row(name="the same with 1,000", samples=[1.0], is_baseline=True)]
    rows += [Row(name=name, samples=[taken.ratio]) for name, taken in samples.items()]
    return Result(
        key=key,
        title=title,
        unit="×",
        rows=rows,
        target="at most 3 × of the same with 1,000",
        packages=["django", "psycopg"],
        notes=notes,
    )


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
