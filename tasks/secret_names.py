"""Which names stand for secrets: one rule for arguments, texts and the words that runs are found by."""

import re
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

LONGEST_NAME = 200  # of a longer one its end counts


def is_secret_name(name: str) -> bool:
    """Is what stands under this name shown to nobody? TASKS_REDACT decides."""
    return bool(compiled(tuple(settings.TASKS_REDACT)).search(name[-LONGEST_NAME:]))


@lru_cache(maxsize=8)
def compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """The patterns as one. Raises ImproperlyConfigured that names the one which is no regular expression."""
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ImproperlyConfigured(f"TASKS_REDACT: {pattern!r} is no regular expression: {error}.") from None
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)", re.IGNORECASE)
