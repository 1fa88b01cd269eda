"""How Postgres answers the slowest query of a call, without the lines that say nothing."""

import re
from collections.abc import Callable, Sequence

# What tells: which index, what is looked up in it, what was read in vain, how long.
TELLING = re.compile(r"Scan|Sort|Aggregate|Join|Nested|Limit|Index Cond|Filter|Rows Removed|Execution Time|Append")
COSTS = re.compile(r"\(cost=\S+ rows=\d+ width=\d+\) ")
COLUMNS = re.compile(r'"?(?:background_tasks|ingest_article)"?\.')
LONGEST = 150
READS = re.compile(r"[\s(]*(?:SELECT|WITH)\b")


def plan_of(call: Callable[[], object], tables: Sequence[str]) -> str:
    """EXPLAIN (ANALYZE, BUFFERS) of that query of `call` about one of `tables` that takes longest."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    call()
    with CaptureQueriesContext(connection) as captured:
        call()
    asked = [
        query
        for query in captured.captured_queries
        if READS.match(query["sql"]) and any(table in query["sql"] for table in tables)
    ]
    slowest = max(asked, key=lambda query: float(query["time"]))
    return explain(slowest["sql"])


def explain(sql: str) -> str:
    """The telling lines of a query's plan."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + sql)
        lines = [str(row[0]) for row in cursor.fetchall()]
    kept: list[str] = []
    for line in lines:
        if TELLING.search(line) or (line.strip().startswith("Buffers") and len(kept) == 1):
            short = COLUMNS.sub("", COSTS.sub("", line))
            kept.append(short if len(short) <= LONGEST else short[: LONGEST - 1] + "…")
    return "\n".join(kept)
