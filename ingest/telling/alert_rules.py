"""The alert rules of a topic: made here, whoever asks for them."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ingest.models import AlertRule, Topic
from ingest.rules import MAX_PHRASE, BadKeyword, read_line
from live import audit

__all__ = ["MAX_PHRASE", "BadAlertRule", "add_rule", "delete_rule"]

MAX_RULES = 50


class BadAlertRule(ValueError):
    """This is no alert rule for this topic; the message says why, in a sentence that can be shown."""


def add_rule(topic: Topic, *, minimum_relevance: float, phrase: str) -> AlertRule:
    """Tell the owner of `topic` from now on. The phrase is looked for in title and text, in quotes as it is written.

    Raises BadAlertRule.
    """
    said = ""
    if phrase.strip():
        try:
            said = read_line(f"any: {phrase}").phrase
        except BadKeyword as error:
            raise BadAlertRule(str(error)) from None
    if topic.alert_rules.count() >= MAX_RULES:
        raise BadAlertRule(_("A topic has at most %(most)s alert rules.") % {"most": MAX_RULES})
    try:
        with transaction.atomic():
            rule = topic.alert_rules.create(minimum_relevance=minimum_relevance, phrase=said)
            audit.record("alert_rule.created", rule, topic=topic.name)
    except IntegrityError:
        raise BadAlertRule(_("This topic has that alert rule already.")) from None
    return rule


def delete_rule(rule: AlertRule) -> None:
    """Tell of it no more. What was told stays told."""
    with transaction.atomic():
        audit.record("alert_rule.deleted", rule, topic=rule.topic.name)
        rule.delete()
