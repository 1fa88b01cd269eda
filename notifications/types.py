"""The types of notification this site knows, and what becomes of each until a person says otherwise.

Rooms above register theirs. A type nobody registered is told like any other, by the default below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    """How a person hears of it."""

    IN_APP = "in_app", _("Bell")
    EMAIL = "email", _("E-mail")
    WEBHOOK = "webhook", _("Webhook")


class When(models.TextChoices):
    """How soon."""

    AT_ONCE = "at_once", _("At once")
    HOURLY = "hourly", _("Hourly")
    DAILY = "daily", _("Daily")
    NEVER = "never", _("Never")


# A bell rings or does not, and a program gathers for itself; only letters are worth gathering.
CHOICES: Mapping[Channel, tuple[When, ...]] = {
    Channel.IN_APP: (When.AT_ONCE, When.NEVER),
    Channel.EMAIL: (When.AT_ONCE, When.HOURLY, When.DAILY, When.NEVER),
    Channel.WEBHOOK: (When.AT_ONCE, When.NEVER),
}
DEFAULTS: Mapping[Channel, When] = {
    Channel.IN_APP: When.AT_ONCE,
    Channel.EMAIL: When.NEVER,
    Channel.WEBHOOK: When.NEVER,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class NotificationType:
    """One type. `is_required`: the bell cannot be silenced for it, and quiet hours do not hold it back."""

    name: str
    label: str | Promise
    description: str | Promise = ""
    is_required: bool = False
    defaults: Mapping[Channel, When] = field(default_factory=lambda: DEFAULTS)


EVERYTHING_ELSE = NotificationType(name="", label=_("Everything else"), description=_("Types not named above."))
_types: dict[str, NotificationType] = {}

# A type's name says in words what happened. Its words are of our database, and so they are translated by what they say:
# here are those that people write; each room has its own beside its types.
gettext_noop("announcement")
gettext_noop("message")


def register(*types: NotificationType) -> None:
    """Make types known; again under the same name replaces."""
    _types.update({one.name: one for one in types})


def known() -> list[NotificationType]:
    """All types a person can choose about, in the order they were registered; everything else last."""
    return [*_types.values(), EVERYTHING_ELSE]


def type_named(name: str) -> NotificationType:
    """The type of that name; what stands for all others if nobody registered it."""
    return _types.get(name, EVERYTHING_ELSE)


def in_words(type: str) -> str:
    """`task failed` for `task_failed`, in the language that is active."""
    return gettext(type.replace("_", " ")) if type else ""
