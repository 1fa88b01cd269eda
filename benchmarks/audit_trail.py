"""What a million entries of the audit trail cost: the list by each filter, deep in it, and one entry more."""

import os
import re

from benchmarks.harness import scratch_database
from benchmarks.scale import Figure, compared, fill_each, measure, table, two_databases

SMALL, LARGE = 1_000, int(os.environ.get("SCALE_ENTRIES", "1000000"))
PEOPLE = 200
ENTRY = re.compile(rb"<time ")


def main() -> None:
    """Fill two databases, measure in both in turns."""
    with scratch_database(), two_databases() as (small, large):
        fill_each({small: SMALL, large: LARGE}, fill, "entries")
        samples = measure(small, large, figures)
    compared("audit_trail", "1,000,000 entries of the audit trail against 1,000", samples, notes=table(samples)).save()


def fill(rows: int) -> None:
    """So many entries of a year: 200 people, one of whom did 3 of 10 things, of 12 kinds, from 50 addresses."""
    from django.contrib.auth.models import User
    from django.db import connection

    User.objects.create_superuser("root")
    User.objects.bulk_create(User(username=f"person{number}") for number in range(PEOPLE))
    actions = ["run.started"] * 6 + ["run.cancelled", "run.retried", "account.signed_in", "topic.changed"]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO audit_entries (at, action, actor_id, actor_name, account_id, thing_id, thing_name, changes,
                details, via, address, credential, request_id)
            SELECT now() - interval '1 year' * (1 - n::float / %(rows)s), (%(actions)s::text[])[1 + n %% 10],
                who.id, who.username, CASE WHEN n %% 10 = 8 THEN who.id END,
                CASE WHEN n %% 1000 = 7 THEN 'rare' ELSE (n / 3)::text END, 'Nightly import ' || n, '{}',
                '{"task": "shop.tasks.nightly"}', 'page', ('192.0.2.' || n / 7 %% 50)::inet, 'Firefox', 'r' || n
            FROM generate_series(1, %(rows)s) n JOIN auth_user who ON who.username =
                'person' || CASE WHEN n / 10 %% 10 < 3 THEN 0 ELSE 1 + n / 100 %% (%(people)s - 1) END
            """,
            {"rows": rows, "actions": actions, "people": PEOPLE},
        )
        cursor.execute("VACUUM ANALYZE audit_entries")


def figures() -> list[Figure]:
    """What administrators ask for, and what everybody's deeds add. For the database in use now."""
    from django.contrib.auth.models import User
    from django.core.cache import cache
    from django.db import transaction
    from django.test import Client

    from accounts.audit.listing import lately_about
    from live import audit

    cache.clear()
    root, person = User.objects.get(username="root"), User.objects.get(username="person7")
    client = Client(headers={"host": "localhost"})
    client.force_login(root)

    def page(query: str) -> Figure:
        def read() -> int:
            answer = client.get(f"/audit/?{query}")
            assert answer.status_code == 200, answer.status_code
            return len(ENTRY.findall(answer.content))

        return Figure(name=f"list, {query or 'all'}", reads=read)

    def deed() -> None:
        with transaction.atomic():
            audit.record("run.cancelled", "a run", by=root)

    asked = (
        *("", "who=person0", "who=person7", "action=run.cancelled", "action=topic", "thing=rare", "thing=run:rare"),
        *("address=192.0.2.7", "who=person7&action=topic.changed", "who=person0&address=192.0.2.7", "who=nobody"),
    )
    return [
        *map(page, asked),
        Figure(name="what was done with one's own account", reads=lambda: lately_about(person)),
        Figure(name="one entry more", reads=deed),
    ]


if __name__ == "__main__":
    main()
