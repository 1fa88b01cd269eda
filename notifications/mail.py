"""Letters: what is due for one person goes into one of them, without what they have read meanwhile."""

import logging
import smtplib
from urllib.parse import urljoin

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .conf import conf
from .deliveries import State, end, postpone, skip_settled, take_due
from .languages import in_language_of
from .models import NotificationDelivery
from .types import Channel

logger = logging.getLogger(__name__)

MOST_IN_ONE = 50  # what is due beyond goes into the next letter


def send_due() -> int:
    """Write every letter that is due; says how many were sent. Called by every worker, each letter is one worker's."""
    sent = 0
    while rows := take_due(Channel.EMAIL, limit=MOST_IN_ONE):
        with in_language_of(rows[0].user_id):
            sent += _send(rows)
    return sent


def _send(rows: list[NotificationDelivery]) -> bool:
    user = rows[0].user
    told = skip_settled(rows)
    if not told:
        return False
    if not user.email or not user.is_active:
        end(told, State.SKIPPED, _("There is no address to write to."))
        return False
    try:
        letter(told).send()
    except (OSError, smtplib.SMTPException) as trouble:
        # The class alone: a server's answer may quote credentials.
        logger.warning("A letter to user %s could not be sent (%s); trying again", user.pk, type(trouble).__name__)
        postpone(told, _("The mail server did not take it (%(trouble)s).") % {"trouble": type(trouble).__name__})
        return False
    end(told, State.SENT)
    return True


def letter(rows: list[NotificationDelivery]) -> EmailMessage:
    """One letter for these deliveries of one person."""
    news = [row.notification for row in rows if row.notification is not None]
    preferences = site_url(reverse("notifications:preferences"))
    entries = [
        {
            "title": one.title,
            "message": one.message,
            "url": site_url(one.safe_link) if one.safe_link else "",
            "occurrences": one.occurrences,
            "at": one.created_at,
        }
        for one in news
    ]
    # One line: a title may hold line breaks, a header may not.
    subject = " ".join(news[0].title.split()) if len(news) == 1 else _how_many(len(news))
    body = render_to_string(
        "notifications/mail.txt",
        {
            "user": rows[0].user,
            "entries": entries,
            "preferences": preferences,
            "all": site_url(reverse("notifications:list")),
        },
    )
    return EmailMessage(
        subject=subject,
        body=body.strip() + "\n",
        to=[rows[0].user.email],
        headers={
            # Says to other programs that nobody wrote this, so that no vacation notice answers it.
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{preferences}>",
        },
    )


def _how_many(count: int) -> str:
    return ngettext("%(count)s notification", "%(count)s notifications", count) % {"count": count}


def site_url(path: str) -> str:
    """`path` with the address people reach this site by (setting SITE_URL)."""
    return urljoin(conf.SITE_URL, path)
