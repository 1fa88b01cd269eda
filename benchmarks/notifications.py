"""What a bell costs among a million notifications, for an ordinary reader and for one with 100,000 of their own.

Count, first page and mark-all, in turns with the naive query and a look-up by primary key.
"""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from benchmarks.harness import Result, Row, scratch_database

ROWS = int(os.environ.get("NOTIFICATIONS_ROWS", "1000000"))
USERS, HEAVY, BROADCASTS = 10_000, 100_000, 200
ROUNDS = 60
FILL = """
    INSERT INTO notifications (username, type, title, message, read, created_at)
    SELECT CASE WHEN n <= {heavy} THEN 'reader0' ELSE 'reader' || (n % {users}) END,
           'task_completed', 'Run ' || n, 'It completed.', n % 10 > 0, now() - n * interval '1 second'
    FROM generate_series(1, {rows}) AS n
"""


def main() -> None:
    """Fill, measure in turns, keep the results."""
    with scratch_database():
        from django.contrib.auth.models import User

        fill()
        heavy, light = User.objects.get(username="reader0"), User.objects.get(username="reader7")
        measure_reading(heavy, light)
        measure_marking(heavy, light)


def fill() -> None:
    """A million notifications of 10,000 people, a tenth unread, and broadcasts that half of them have read."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.utils import timezone

    from notifications.models import Notification, NotificationReceipt

    long_ago = timezone.now() - timedelta(days=400)
    User.objects.bulk_create([User(username=f"reader{n}", date_joined=long_ago) for n in range(USERS)])
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(heavy=HEAVY, users=USERS, rows=ROWS))
        broadcasts = Notification.objects.bulk_create(
            [Notification(type="news", title=f"News {n}", message="M") for n in range(BROADCASTS)]
        )
        readers = User.objects.order_by("pk")[: USERS // 2 : 50]
        NotificationReceipt.objects.bulk_create(
            NotificationReceipt(notification=one, user=user, read_at=timezone.now())
            for one in broadcasts[: BROADCASTS // 2]
            for user in readers
        )
        cursor.execute("VACUUM ANALYZE")


def naive_count(user: Any) -> int:
    """As it is usually written: everything mine or everyone's, less what I have a receipt for."""
    from django.db.models import Q

    from notifications.models import Notification

    mine = Notification.objects.filter(Q(user_id=user.username, read=False) | Q(user_id=None))
    return mine.exclude(receipts__user=user, receipts__read_at__isnull=False).count()


def naive_page(user: Any) -> list[Any]:
    """The same, a page of it, with the count that a paginator asks for."""
    from django.db.models import Q

    from notifications.models import Notification

    mine = Notification.objects.filter(Q(user_id=user.username) | Q(user_id=None)).order_by("-created_at", "-id")
    mine.count()
    return list(mine[:20])


def measure_reading(heavy: Any, light: Any) -> None:
    """Count and first page, in turns with the naive query and a look-up by primary key."""
    from notifications import facade
    from notifications.models import Notification

    def look_up() -> object:
        return Notification.objects.filter(pk=1).first()

    def page(user: Any) -> Callable[[], object]:
        return lambda: facade.get_user_notifications(user, limit=20)

    counts = {
        "look-up by primary key": look_up,
        "unread count, reader with 100,000": lambda: facade.get_unread_count(heavy),
        "unread count, ordinary reader": lambda: facade.get_unread_count(light),
        "naive count, reader with 100,000": lambda: naive_count(heavy),
    }
    pages = {
        "look-up by primary key": look_up,
        "first page, reader with 100,000": page(heavy),
        "first page, ordinary reader": page(light),
        "naive first page, reader with 100,000": lambda: naive_page(heavy),
    }
    save("notifications_count", f"Unread count among {ROWS:,} notifications", counts, "within 2 × of a look-up by key")
    save("notifications_page", f"First page among {ROWS:,} notifications", pages, "within 2 × of a look-up by key")


def measure_marking(heavy: Any, light: Any) -> None:
    """Mark everything read, each time after ten new ones, whatever was read before."""
    from notifications import facade

    def mark(user: Any) -> Callable[[], object]:
        def work() -> int:
            return facade.mark_all_notifications_as_read(user)

        return work

    for user in (heavy, light):
        facade.mark_all_notifications_as_read(user)

    def prepared(user: Any) -> Callable[[], object]:
        def prepare() -> None:
            from notifications.models import Notification

            Notification.objects.bulk_create(
                [Notification(user_id=user.username, type="t", title="T", message="M") for _ in range(10)]
            )

        return prepare

    contestants = {"ordinary reader, ten unread": mark(light), "reader with 100,000, ten unread": mark(heavy)}
    before = {"ordinary reader, ten unread": prepared(light), "reader with 100,000, ten unread": prepared(heavy)}
    save("notifications_mark_all", f"Mark all as read among {ROWS:,}", contestants, "flat", before=before)


class Stopwatch:
    """What the database took, for `connection.execute_wrapper`: the rest of the time Django builds queries and rows."""

    milliseconds = 0.0

    def __call__(self, execute: Callable[..., object], *query: Any) -> object:
        """Run one query and add its time."""
        begun = time.perf_counter()
        try:
            return execute(*query)
        finally:
            self.milliseconds += 1000 * (time.perf_counter() - begun)


def save(
    key: str,
    title: str,
    contestants: dict[str, Callable[[], object]],
    target: str,
    before: dict[str, Callable[[], object]] | None = None,
) -> None:
    """Take each in turns, and keep the milliseconds in all and in the database alone; the first is the baseline."""
    from django.db import connection

    taken: dict[str, list[float]] = {name: [] for name in contestants}
    in_database: dict[str, list[float]] = {name: [] for name in contestants}
    asked = Stopwatch()
    for _round in range(ROUNDS):
        for name, work in contestants.items():
            if before:
                before[name]()
            asked.milliseconds = 0.0
            begun = time.perf_counter()
            with connection.execute_wrapper(asked):
                work()
            taken[name].append(1000 * (time.perf_counter() - begun))
            in_database[name].append(asked.milliseconds)
    first = next(iter(contestants))
    people = f"{USERS:,} people, one with {HEAVY:,}; {BROADCASTS} broadcasts. Counting stops at 100, on a page at 1,000"
    for suffix, words, samples in (("", "", taken), ("_database", ", time in the database", in_database)):
        Result(
            key=key + suffix,
            title=title + words,
            unit="ms",
            rows=[Row(name=name, samples=each, is_baseline=name == first) for name, each in samples.items()],
            target=target,
            packages=["django", "psycopg"],
            notes=[people],
        ).save()


if __name__ == "__main__":
    main()
