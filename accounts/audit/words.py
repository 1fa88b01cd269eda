"""What is done, in words. An action without words here is shown as it is called."""

from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "run.started": _("Run started"),
    "run.cancelled": _("Run cancelled"),
    "run.retried": _("Run repeated"),
    "runs.purged": _("Old runs deleted"),
    "queue.paused": _("Queue paused"),
    "queue.resumed": _("Queue resumed"),
    "schedule.created": _("Schedule made"),
    "schedule.changed": _("Schedule changed"),
    "schedule.enabled": _("Schedule turned on"),
    "schedule.disabled": _("Schedule turned off"),
    "schedule.started": _("Schedule started by hand"),
    "schedule.deleted": _("Schedule deleted"),
    "notification.sent": _("Notification sent"),
    "notification.changed": _("Notification reworded"),
    "notification.withdrawn": _("Notification withdrawn"),
    "preferences.changed": _("What one is told changed"),
    "preferences.secret_renewed": _("Webhook secret renewed"),
    "collecting.created": _("Preferences of collecting made"),
    "collecting.changed": _("Preferences of collecting changed"),
    "collecting.deleted": _("Preferences of collecting deleted"),
    "topic.created": _("Topic made"),
    "topic.changed": _("Topic changed"),
    "topic.keywords_changed": _("Keywords changed"),
    "topic.deleted": _("Topic deleted"),
    "alert_rule.created": _("Alert rule made"),
    "alert_rule.changed": _("Alert rule changed"),
    "alert_rule.deleted": _("Alert rule deleted"),
    "source.added": _("Source added"),
    "source.changed": _("Source changed"),
    "source.paused": _("Sources paused"),
    "source.resumed": _("Sources resumed"),
    "source.deleted": _("Sources deleted"),
    "source.imported": _("List of sources imported"),
    "token.created": _("API token made"),
    "token.revoked": _("API token revoked"),
    "session.ended": _("Session ended"),
    "account.signed_in": _("Signed in"),
    "account.signed_out": _("Signed out"),
    "account.sign_in_failed": _("Wrong password"),
    "account.locked_out": _("Locked out"),
    "account.created": _("Account made"),
    "account.changed": _("Account changed"),
    "account.deleted": _("Account deleted"),
    "account.password_changed": _("Password changed"),
    "account.rights_changed": _("Rights of an account changed"),
    "group.rights_changed": _("Rights of a group changed"),
}


def words_of(action: str) -> str:
    """`Run cancelled`."""
    return str(ACTIONS.get(action, action))
