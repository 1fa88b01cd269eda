"""Template tags by which a page becomes a live one: `{% load live %}`.

`{% live_assets %}` anywhere in `<body>` is enough; a base template may put `{% live_head %}` into `<head>` and
`{% live_tail %}` behind the content instead. Each part is drawn once for a request, whoever asks for it again.
"""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.template import Context, Library
from django.template.loader import render_to_string
from django.urls import NoReverseMatch
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = Library()

STYLES = ("live/css/tokens.css", "live/css/base.css", "live/css/components.css")
PAGE_STYLE = "live/css/page.css"
SCRIPTS = ("live/js/live.js", "live/js/connection.js", "live/js/app.js")
DRAWN = "_live_drawn"  # of a request: the templates that its page has already


@register.simple_tag(takes_context=True)
def live_head(context: Context, *, htmx: bool = True, whole_page: bool = False) -> SafeString:
    """Style sheets and scripts. `htmx=False`: the page has htmx 2 and its extension `ws` by itself.

    The styles hold inside of elements with the class `live-ui`; `whole_page`: `body` is one, and has its own.
    """
    styles = [*([PAGE_STYLE] if whole_page else []), *_of_rooms(STYLES, "live_styles")]
    return _draw(context, "live/partials/head.html", {"styles": styles, "htmx": htmx})


@register.simple_tag(takes_context=True)
def live_tail(context: Context) -> SafeString:
    """What scripts speak by and with, and what each room has on every page."""
    parts = ("live/components/connection.html", "live/partials/voice.html", *_of_rooms((), "live_tail"))
    drawn = "".join(once(context, part) for part in parts).strip()
    return format_html('<div class="live-ui">{}</div>', mark_safe(drawn)) if drawn else SafeString()  # noqa: S308 - of templates


@register.simple_tag(takes_context=True)
def live_assets(context: Context, *, htmx: bool = True) -> SafeString:
    """Both."""
    return live_head(context, htmx=htmx) + live_tail(context)


@register.simple_tag(takes_context=True)
def once(context: Context, template: str) -> SafeString:
    """`template`, unless this page has it already."""
    return _draw(context, template, {})


@register.simple_tag
def sign_in_url() -> str:
    """Where the project signs people in: LOGIN_URL, a path or the name of one; empty if it leads nowhere."""
    try:
        return resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        return ""


def _draw(context: Context, template: str, more: dict[str, Any]) -> SafeString:
    request = context.get("request")
    if isinstance(request, HttpRequest):
        drawn: set[str] = request.__dict__.setdefault(DRAWN, set())
        if template in drawn:
            return SafeString()
        drawn.add(template)
    values: dict[str, Any] = {**flat(context), "scripts": _of_rooms(SCRIPTS, "live_scripts"), **more}
    values.setdefault("csp_nonce", getattr(request, "csp_nonce", None))  # as the package django-csp has it
    return render_to_string(template, values)


def has_drawn(context: Context, template: str) -> bool:
    """Does this page have `template` already?"""
    return template in getattr(context.get("request"), DRAWN, ())


def flat(context: Context) -> dict[str, Any]:
    """What a template knows, for one that is drawn inside of it."""
    return {str(name): value for name, value in context.flatten().items()}


def _of_rooms(first: tuple[str, ...], attribute: str) -> list[str]:
    """`first`, and what the configurations of installed apps have under `attribute`."""
    return [*first, *(name for config in apps.get_app_configs() for name in getattr(config, attribute, ()))]
