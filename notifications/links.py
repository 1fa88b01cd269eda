"""What a notification may link to: a path on this site, and nothing a browser could take for more."""

import re

from django.utils.translation import gettext as _

# "//host" and "/\host" lead to other sites; browsers drop tabs and newlines, so that "/\t/host" would too. No
# "/" at the start means a scheme (javascript:) or a path relative to wherever the reader is. Python and
# Postgres read this alike.
LINK_PATTERN = r"\A/(?![/\\])[^\\\x01-\x1f\x7f]*\Z"
LINK_MAX_LENGTH = 500

_LINK = re.compile(LINK_PATTERN)


class LinkRefused(ValueError):
    """This is not a path on this site; the message says so in a sentence that can be shown."""


def is_local_path(link: str) -> bool:
    """Is `link` a path on this site?"""
    return len(link) <= LINK_MAX_LENGTH and "\0" not in link and _LINK.match(link) is not None


def checked(link: str | None) -> str | None:
    """`link` as it may be stored; nothing for an empty one. Raises LinkRefused."""
    if not link:
        return None
    if not is_local_path(link):
        raise LinkRefused(
            _(
                "A link must be a path on this site: it starts with one “/”, holds no backslash and no control"
                " character, and has at most %(most)s characters."
            )
            % {"most": LINK_MAX_LENGTH}
        )
    return link
