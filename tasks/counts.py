"""Summing up the changes that the triggers of migration 0005 leave in task_counts, so that reading them stays quick."""

from django.db import connection, transaction

ENOUGH = 1000  # fewer changes are read as quickly as they are
LOCK = 0x72756E636F756E74  # "runcount": one process at a time sums up; another one has better things to do than wait

# Deleted and replaced in one statement: whoever reads sees the old rows or the new one. Changes that are not committed
# yet are not seen, and are summed up the next time.
SUM_UP = """
WITH changes AS (
    DELETE FROM task_counts WHERE NOT is_sum RETURNING owner_id, status, number
), touched AS (
    SELECT coalesce(owner_id::text, '') AS owner, status FROM changes GROUP BY 1, 2
), sums AS (
    DELETE FROM task_counts old USING touched
    WHERE old.is_sum AND old.status = touched.status AND coalesce(old.owner_id::text, '') = touched.owner
    RETURNING old.owner_id, old.status, old.number
), both_kinds AS (
    SELECT * FROM changes UNION ALL SELECT * FROM sums
)
INSERT INTO task_counts (owner_id, status, number, is_sum)
SELECT owner_id, status, sum(number), true FROM both_kinds GROUP BY owner_id, status HAVING sum(number) <> 0
"""


def sum_up(*, enough: int = ENOUGH) -> bool:
    """Make one row of all changes to the count of an owner's runs in a status, once there are `enough` of them.

    False when there are not, or somebody else is at it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM (SELECT FROM task_counts WHERE NOT is_sum LIMIT %s) AS change", [enough])
        if cursor.fetchone()[0] < enough:
            return False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(SUM_UP)
    return True
