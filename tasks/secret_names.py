"""Which names stand for secrets: one rule for arguments, texts and the words that runs are found by."""

import re
from functools import lru_cache

from django.core.exceptions import ImproperlyConfigured

from .conf import conf

LONGEST_NAME = 200  # of a longer one its end counts
# Looked for anywhere in a name, in any case.
ALWAYS = (
    *("pass(?:w|code|phrase)", "(?:^|[_-])pass$", "pwd", "secret", "token(?!i[sz])"),
    *("api[_-]?key", "access[_-]?key", "private[_-]?key"),
    *("authori[sz]ation", "credential", "cookie", "signature", "session[_-]?(?:id|key)", "jwt"),
)


def is_secret_name(name: str) -> bool:
    """Is what stands under this name shown to nobody? ALWAYS and the setting TASKS_REDACT decide."""
    return bool(compiled((*ALWAYS, *conf.TASKS_REDACT)).search(name[-LONGEST_NAME:]))


@lru_cache(maxsize=8)
def compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """The patterns as one. Raises ImproperlyConfigured that names the one which is no regular expression."""
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ImproperlyConfigured(f"TASKS_REDACT: {pattern!r} is no regular expression: {error}.") from None
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)", re.IGNORECASE)
