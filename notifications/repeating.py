"""News that is counted on an unread notification of its kind: found, locked, raised and read in one statement.

In a storm this happens at the end of every run, inside the transaction that ends it: written with Django's own means it
is eight statements.
"""

from typing import TYPE_CHECKING

from django.db import connection
from django.utils import timezone

from .models import Notification, NotificationDetails

if TYPE_CHECKING:
    from .arrivals import Draft

# FOR UPDATE looks again after it waited: one that was read meanwhile is done with, and nothing is counted on it.
RAISE = """
WITH known AS (
    SELECT notice.id
    FROM notification_details detail JOIN notifications notice ON notice.id = detail.notification_id
    WHERE detail.dedupe_key = %(key)s AND NOT notice.read
    ORDER BY notice.id DESC LIMIT 1
    FOR UPDATE OF notice
), raised AS (
    UPDATE notifications notice
    SET type = %(type)s, title = %(title)s, message = %(message)s, link = %(link)s, created_at = %(now)s
    FROM known WHERE notice.id = known.id
    RETURNING {notice}
), counted AS (
    UPDATE notification_details detail
    SET occurrences = detail.occurrences + 1, severity = %(severity)s, expires_at = %(expires_at)s
    FROM known WHERE detail.notification_id = known.id
    RETURNING {detail}
)
SELECT * FROM raised, counted
"""


def raise_repeated(draft: "Draft", key: str) -> Notification | None:
    """Let the unread notification of this key say the newest, on top of the list, counted; None if there is none.

    In a transaction that holds the key's lock.
    """
    notices, details = Notification._meta.concrete_fields, NotificationDetails._meta.concrete_fields
    statement = RAISE.format(
        notice=", ".join(f"notice.{field.column}" for field in notices),
        detail=", ".join(f"detail.{field.column}" for field in details),
    )
    values = {
        "key": key,
        "type": draft.type,
        "title": draft.title,
        "message": draft.message,
        "link": draft.link,
        "now": timezone.now(),
        "severity": draft.severity,
        "expires_at": draft.expires_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    if row is None:
        return None
    alias, width = connection.alias, len(notices)
    notification = Notification.from_db(alias, [field.attname for field in notices], row[:width])
    notification.more = NotificationDetails.from_db(alias, [field.attname for field in details], row[width:])
    return notification
