"""Old entries go, and nothing else ever does: the database lets only who says so delete, see the migration."""

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction

from tasks.db import database_now

BATCH = 5000
DELETE = """
    DELETE FROM audit_entries WHERE id IN (
        SELECT id FROM audit_entries WHERE at < %s ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""


def delete_old() -> int:
    """Delete what is older than AUDIT_KEEP_DAYS, in short transactions; 0 days: nothing. Returns how many."""
    days, deleted = float(settings.AUDIT_KEEP_DAYS), 0
    while days > 0:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statusproj.audit_retention = 'on'")
            cursor.execute(DELETE, [database_now() - timedelta(days=days), BATCH])
            gone = cursor.rowcount
            # Said for this transaction; inside another one it would hold on.
            cursor.execute("SET LOCAL statusproj.audit_retention = 'off'")
        deleted += gone
        if gone < BATCH:
            break
    return deleted
