"""What time alone does to notifications: the expired go, and the old ones do. Every worker looks now and then.

Short batches, and locked rows are left for the next look: no reader waits, and several workers do no harm.
"""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from . import mail, webhooks
from .models import Notification
from .news import publish_count, publish_counts

BATCH = 500
KEEP_DAYS = 90  # read ones; those that nobody read are kept four times as long (NOTIFICATIONS_KEEP_DAYS)
UNREAD_FACTOR = 4


def look() -> None:
    """Do what is due now."""
    delete_expired()
    mail.send_due()
    webhooks.hand_over_due()


def delete_expired() -> int:
    """Take away what is of no interest any more; the bells of those who had not read it fall. Says how many."""
    return _delete(Q(details__expires_at__lte=timezone.now()))


def delete_old() -> int:
    """Take away what was told long ago. Says how many."""
    keep = timedelta(days=getattr(settings, "NOTIFICATIONS_KEEP_DAYS", KEEP_DAYS))
    now = timezone.now()
    # A broadcast's own flag says nothing: it is as old as it is for everyone.
    settled = Q(created_at__lt=now - keep) & (Q(read=True) | Q(user_id=None))
    return _delete(settled | Q(created_at__lt=now - UNREAD_FACTOR * keep))


def _delete(which: Q) -> int:
    deleted = 0
    while batch := _delete_batch(which):
        deleted += batch
    return deleted


def _delete_batch(which: Q) -> int:
    with transaction.atomic():
        rows = Notification.objects.filter(which).order_by("created_at", "id")
        doomed = list(
            rows.select_for_update(of=["self"], skip_locked=True)[:BATCH].values_list("pk", "user_id", "read")
        )
        Notification.objects.filter(pk__in=[pk for pk, _, _ in doomed]).delete()
        if any(name is None for _, name, _ in doomed):
            publish_counts()
        unread_by = {name for _, name, read in doomed if name is not None and not read}
        readers = get_user_model()._default_manager.filter(username__in=unread_by)
        for pk in readers.values_list("pk", flat=True):
            publish_count(pk)
    return len(doomed)
