"""A question taken apart: what was asked for, key by key, and what of it cannot be used. For lists of any room."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from live.moments import in_utc

LONGEST = 200
# Times further away than this are slips of the pen, and not every database can say them in every zone.
YEARS = range(1970, 3000)


class Asked:
    """The values of `keys` in an address, a form or a call, and what is wrong with them.

    Of `several` there may be more than one value; they are joined by commas. `thing`: what is looked for, in messages.
    """

    def __init__(
        self, query: Mapping[str, Any], keys: Collection[str], *, thing: str, several: Collection[str] = ()
    ) -> None:
        self.values: dict[str, str] = {}
        self.wrong: dict[str, str] = {}
        self._thing, self._keys = thing, keys
        for key in keys:
            given = query.getlist(key) if isinstance(query, QueryDict) else [query.get(key)]
            texts = dict.fromkeys(text for value in given if value is not None and (text := str(value).strip()))
            self.values[key] = (",".join(texts) if key in several else next(iter(texts), ""))[: 5 * LONGEST]
            if len(texts) > 1 and key not in several:
                self.wrong[key] = _("is there more than once: give one value.")

    def refuse_others(self, query: Mapping[str, Any], also: Collection[str]) -> None:
        """Every key that is neither one of ours nor in `also` is wrong."""
        for key in query:
            if key not in self._keys and key not in also:
                self.wrong[key[:50]] = _("is no filter. There are %(keys)s.") % {"keys": ", ".join(self._keys)}

    def text(self, key: str, *, words_in: Callable[[str], object] | None = None) -> str:
        """Some characters, or none. With `words_in`, some in which that finds something to look for."""
        text = self.values[key]
        if "\0" in text:
            self.wrong[key] = _("has a character in it that no %(thing)s can have (NUL).") % {"thing": self._thing}
        elif len(text) > LONGEST:
            self.wrong[key] = _("may have %(number)s characters at most.") % {"number": LONGEST}
        elif text and words_in is not None and not words_in(text):
            self.wrong[key] = _("needs a letter or a digit to look for.")
        return text if key not in self.wrong else ""

    def moment(self, key: str) -> datetime | None:
        """A time; without a zone in that of who asks, see notifications/readers.py."""
        text = self.values[key]
        if not text:
            return None
        try:
            # In an address a plus sign becomes a space.
            moment = datetime.fromisoformat(re.sub(r" (?=\d\d:?\d\d$)", "+", text) if text.count(":") > 2 else text)
        except ValueError:
            self.wrong[key] = _(
                "is no date or time: write it like 2026-11-24, 2026-11-24T08:30 or 2026-11-24T08:30:00Z."
            )
            return None
        if moment.year not in YEARS:
            years = {"first": YEARS[0], "last": YEARS[-1]}
            self.wrong[key] = _("must lie in a year from %(first)s to %(last)s.") % years
            return None
        return in_utc(timezone.make_aware(moment) if timezone.is_naive(moment) else moment)

    def one_of(self, key: str, known: Collection[str]) -> str:
        """A word of a list."""
        text = self.values[key]
        if text and text not in known:
            self.wrong[key] = none_of(text, known)
        return text if key not in self.wrong else ""


def none_of(text: str, known: Collection[str]) -> str:
    """What is wrong with a word that is not in a list."""
    return _("%(text)s is none of %(known)s.") % {"text": repr(text[:50]), "known": ", ".join(known)}
