"""What time alone does to notifications: the expired go, the old ones go, what is due is sent.

Every worker looks now and then; several at once do no harm.
"""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from . import mail, webhooks
from .conf import conf
from .models import Notification
from .removal import delete_for_all

UNREAD_FACTOR = 4


def look() -> None:
    """Do what is due now."""
    delete_expired()
    mail.send_due()
    webhooks.hand_over_due()


def delete_expired() -> int:
    """Take away what is of no interest any more; the bells of those who had not read it fall. Says how many."""
    return delete_for_all(Notification.objects.filter(details__expires_at__lte=timezone.now()))


def delete_old() -> int:
    """Take away what was told long ago. Says how many."""
    keep = timedelta(days=conf.NOTIFICATIONS_KEEP_DAYS)
    now = timezone.now()
    # A broadcast's own flag says nothing: it is as old as it is for everyone.
    settled = Q(created_at__lt=now - keep) & (Q(read=True) | Q(user_id=None))
    return delete_for_all(Notification.objects.filter(settled | Q(created_at__lt=now - UNREAD_FACTOR * keep)))
