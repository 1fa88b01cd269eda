"""The table of how many articles each topic has, and when it is summed up: see models/counts.py."""

from tasks.counts import Counts

# The lock is "artcount".
ARTICLES = Counts(table="ingest_articlecount", keys=("topic_id", "kind", "day"), lock=0x617274636F756E74)
