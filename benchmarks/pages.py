"""What the pages cost with 100,000 runs behind them: the server's time, beside Django's own list of the same rows."""

import time

from benchmarks.harness import Result, Row, scratch_database

ROWS = 100_000
ROUNDS = 40


def main() -> None:
    """Fill a database, read the pages in turns."""
    with scratch_database():
        from django.contrib.auth.models import User
        from django.test import Client

        from benchmarks.scale import fill
        from tasks.models import TaskRun

        fill(ROWS)
        client = Client(headers={"host": "localhost"})
        client.force_login(User.objects.get(username="staff"))
        run = TaskRun.objects.filter(status="completed")[0]
        pages = {
            "Django's admin, its list of runs": "/admin/tasks/taskrun/",
            "statusproj: dashboard": "/",
            "statusproj: list of runs": "/tasks/",
            "statusproj: list of runs, failed": "/tasks/?status=failed",
            "statusproj: a run": run.get_absolute_url(),
            "statusproj: notifications": "/notifications/",
            "statusproj: API, 50 runs": "/api/background-tasks/tasks",
            "statusproj: API, a run": f"/api/background-tasks/task/{run.pk}",
        }
        taken: dict[str, list[float]] = {name: [] for name in pages}
        for number in range(ROUNDS + 3):
            for name, path in pages.items():
                begun = time.perf_counter()
                answer = client.get(path)
                if answer.status_code != 200:
                    raise SystemExit(f"{path}: {answer.status_code}")
                if number >= 3:
                    taken[name].append((time.perf_counter() - begun) * 1000)
    rows = [
        Row(name=name, samples=samples, is_baseline=not place) for place, (name, samples) in enumerate(taken.items())
    ]
    slowest = max(row.percentile(95) for row in rows if not row.is_baseline)
    Result(
        key="pages",
        title="Server time of a page, 100,000 runs in the database",
        unit="ms",
        rows=rows,
        target="p95 at most 100 ms",
        packages=["django", "psycopg"],
        notes=[
            "Through Django's test client, in one thread: middleware, session and rights included, no network",
            f"The slowest page's p95 is {slowest:.0f} ms",
            "Queries and bytes are held by tests: at most 14 queries, 100,000 bytes with all styles and scripts",
        ],
    ).save()


if __name__ == "__main__":
    main()
