"""Which language to write to a person in. Why per person and not per text: docs/decisions/languages.md."""

from contextlib import AbstractContextManager, nullcontext

from django.conf import settings
from django.utils import translation

from live.languages import spoken

from .models import NotificationPreferences


def language_of(user_id: int | None) -> str:
    """The language `user_id` has chosen, else the site's. Of nobody (None) the site's."""
    if user_id is None:
        return settings.LANGUAGE_CODE
    rows = NotificationPreferences.objects.filter(pk=user_id)
    return spoken(rows.values_list("language", flat=True).first() or "")


def in_language_of(user_id: int | None) -> AbstractContextManager[None]:
    """What is translated inside is in the language of `user_id`."""
    language = language_of(user_id)
    return nullcontext() if language == translation.get_language() else translation.override(language)
