"""Times as clients write them: with any offset that ISO 8601 has room for, and Postgres has not."""

from datetime import UTC, datetime


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError for one without a zone, and for one before year 1 or after 9999."""
    if moment.tzinfo is None:
        raise ValueError("A time without a zone may be any of several.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("The time is out of range.") from None
