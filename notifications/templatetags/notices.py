"""Template tags of notifications: `{% load notices %}`."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.template import Context, Library
from django.utils.safestring import SafeString

from live.templatetags.live import has_drawn, once
from notifications.context_processors import Bell

register = Library()

BELL = "notifications/partials/bell.html"


@register.simple_tag(takes_context=True)
def bell(context: Context) -> SafeString:
    """The bell with its number, for the header of a page; nothing for who is not signed in."""
    return _with_bell(context, BELL)


@register.simple_tag(takes_context=True)
def silent_bell(context: Context) -> SafeString:
    """The number alone and unseen, on a page without the bell: by it scripts know that there is news."""
    return SafeString() if has_drawn(context, BELL) else _with_bell(context, "notifications/partials/silent_bell.html")


def _with_bell(context: Context, template: str) -> SafeString:
    user: Any = getattr(context.get("request"), "user", AnonymousUser())
    if not user.is_authenticated:
        return SafeString()
    with context.push(bell=Bell(user)):
        return once(context, template)
