"""Taking notifications away from everyone: in short batches, so that no reader waits; what is locked, is left."""

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import transaction

from .models import Notification
from .news import publish_count, publish_counts

if TYPE_CHECKING:
    from django.db.models import QuerySet

BATCH = 500


def delete_for_all(notifications: "QuerySet[Notification]") -> int:
    """Delete them; the bells of those who had not read them fall. Says how many."""
    deleted = 0
    while batch := _delete_batch(notifications):
        deleted += batch
    return deleted


def _delete_batch(notifications: "QuerySet[Notification]") -> int:
    with transaction.atomic():
        rows = notifications.order_by("created_at", "id").select_for_update(of=["self"], skip_locked=True)
        doomed = list(rows[:BATCH].values_list("pk", "user_id", "read"))
        Notification.objects.filter(pk__in=[pk for pk, _, _ in doomed]).delete()
        if any(name is None for _, name, _ in doomed):
            publish_counts()
        unread_by = {name for _, name, read in doomed if name is not None and not read}
        readers = get_user_model()._default_manager.filter(username__in=unread_by)
        for pk in readers.values_list("pk", flat=True):
            publish_count(pk)
    return len(doomed)
