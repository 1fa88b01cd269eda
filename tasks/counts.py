"""Summing up the changes that triggers leave in tables of counts, so that reading them stays quick."""

from dataclasses import dataclass

from django.db import connection, transaction

ENOUGH = 1000  # fewer changes are read as quickly as they are


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """A table of numbers to add up, each for one combination of its `keys`; triggers add rows to it.

    It has the columns `number` and `is_sum`. `lock`: one process at a time sums up; another one has better things to
    do than wait.
    """

    table: str
    keys: tuple[str, ...]
    lock: int

    def sum_up(self, *, enough: int = ENOUGH) -> bool:
        """Make one row of all changes to each number, once there are `enough` of them.

        False when there are not, or somebody else is at it.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM (SELECT FROM {self.table} WHERE NOT is_sum LIMIT %s) AS change",  # noqa: S608
                [enough],
            )
            if cursor.fetchone()[0] < enough:
                return False
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [self.lock])
            if not cursor.fetchone()[0]:
                return False
            cursor.execute(self._statement())
        return True

    def _statement(self) -> str:
        """Deleted and replaced in one statement: whoever reads sees the old rows or the new one. Changes that are not
        committed yet are not seen, and are summed up the next time.
        """
        keys = ", ".join(self.keys)
        # As texts, for keys may be null, and nulls are equal here.
        same = " AND ".join(f"coalesce(old.{key}::text, '') = coalesce(touched.{key}::text, '')" for key in self.keys)
        of_old = ", ".join(f"old.{key}" for key in self.keys)
        return f"""
            WITH changes AS (
                DELETE FROM {self.table} WHERE NOT is_sum RETURNING {keys}, number
            ), touched AS (
                SELECT DISTINCT {keys} FROM changes
            ), sums AS (
                DELETE FROM {self.table} old USING touched WHERE old.is_sum AND {same} RETURNING {of_old}, old.number
            ), both_kinds AS (
                SELECT * FROM changes UNION ALL SELECT * FROM sums
            )
            INSERT INTO {self.table} ({keys}, number, is_sum)
            SELECT {keys}, sum(number), true FROM both_kinds GROUP BY {keys} HAVING sum(number) <> 0
        """  # noqa: S608


# How many runs an owner has in a status: see RunCount. The lock is "runcount".
RUNS = Counts(table="task_counts", keys=("owner_id", "status"), lock=0x72756E636F756E74)
# How runs ended, hour by hour: see RunHour. The lock is "runhours".
HOURS = Counts(table="task_hours", keys=("everybody", "owner_id", "hour", "status", "step"), lock=0x72756E686F757273)
