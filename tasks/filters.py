"""What a person or a program asked to see: one reading of it for the list, its address, the API, the terminal and bulk.

A filter that cannot be understood as a whole matches nothing: what was meant as "these" must not become "all".
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, Self

from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from . import search
from .asked import Asked, none_of
from .exceptions import BadFilter
from .models import TaskRunQuerySet
from .states import Status
from .text import mask_secrets


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A time that goes up to now: as one of several to choose from, and as a part of a sentence."""

    words: str | Promise
    phrase: str | Promise
    length: timedelta


SPANS = {
    "1h": Span(words=_("The last hour"), phrase=_("created in the last hour"), length=timedelta(hours=1)),
    "24h": Span(words=_("The last 24 hours"), phrase=_("created in the last 24 hours"), length=timedelta(hours=24)),
    "7d": Span(words=_("The last 7 days"), phrase=_("created in the last 7 days"), length=timedelta(days=7)),
    "30d": Span(words=_("The last 30 days"), phrase=_("created in the last 30 days"), length=timedelta(days=30)),
}
KEYS = ("status", "q", "name", "topic", "owner", "last", "created_after", "created_before")


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What was asked for. `asked` holds it as in an address; `wrong` says of each part that cannot be used why."""

    statuses: tuple[str, ...] = ()
    search: str = ""
    name: str = ""
    topic: str = ""
    owner: str = ""
    last: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, query: Mapping[str, Any], *, also: Collection[str] | None = None) -> Self:
        """The filters named in an address, a form or a call.

        Other keys are not looked at, or with `also` are wrong unless they are among those: a filter with a slip in its
        name must not count as not asked.
        """
        reader = _Reader(query, KEYS, thing=gettext("run"), several=["status"])
        if also is not None:
            reader.refuse_others(query, also)
        after, before = reader.moment("created_after"), reader.moment("created_before")
        if after is not None and before is not None and after >= before:
            reader.wrong["created_before"] = gettext("must be later than the time from which on you look.")
        return cls(
            statuses=reader.statuses(),
            search=reader.text("q"),
            name=reader.text("name", words_in=search.words_in),
            topic=reader.text("topic"),
            owner=reader.text("owner"),
            last=reader.one_of("last", SPANS),
            created_after=after,
            created_before=before,
            asked={key: text for key, text in reader.values.items() if text},
            wrong=reader.wrong,
        )

    @property
    def status(self) -> str:
        """The one status asked for; nothing for any, and for several."""
        return self.statuses[0] if len(self.statuses) == 1 else ""

    @property
    def any(self) -> bool:
        """Is anything asked at all?"""
        return bool(self.asked)

    def changed(self, **changes: str) -> "Filters":
        """The same with some keys of the address changed, or taken away by an empty text."""
        return Filters.of({**self.asked, **changes})

    def frozen(self, now: datetime) -> "Filters":
        """The same with "the last hour" as the time from which on that is: it no longer moves."""
        if self.wrong or not self.last:
            return self
        start = now - SPANS[self.last].length
        after = start if self.created_after is None else max(start, self.created_after)
        return self.changed(last="", created_after=after.isoformat())

    def may_match(self, *statuses: str) -> bool:
        """Can a run in one of `statuses` match?"""
        return not self.wrong and (not self.statuses or not set(statuses).isdisjoint(self.statuses))

    def checked(self) -> "Filters":
        """Itself. Raises BadFilter when a part of it cannot be used."""
        if self.wrong:
            raise BadFilter(self.wrong)
        return self

    def apply(self, runs: TaskRunQuerySet, *, by_index: bool = True) -> TaskRunQuerySet:
        """The runs that match; none if any part of the question cannot be used. `by_index`: see `matching`."""
        if self.wrong:
            return runs.none()
        runs = self.apply_range(runs)
        if self.statuses:
            runs = runs.with_status(self.statuses)
        if self.topic:
            runs = runs.on_topic(self.topic)
        if self.name:
            runs = reduce(_named, search.words_in(self.name), runs)
        return runs.matching(self.search, by_index=by_index) if self.search else runs

    def apply_range(self, runs: TaskRunQuerySet) -> TaskRunQuerySet:
        """Owner and time alone: what the indexes of the list can jump to."""
        if self.owner:
            users = get_user_model()._default_manager.filter(username=self.owner)
            # Its key instead of a join: the database then knows how many runs to expect.
            runs = runs.filter(owner_id__in=list(users.values_list("pk", flat=True)))
        if self.created_after is not None:
            runs = runs.filter(created_at__gte=self.created_after)
        if self.created_before is not None:
            runs = runs.filter(created_at__lt=self.created_before)
        return runs.filter(created_at__gte=timezone.now() - SPANS[self.last].length) if self.last else runs

    @property
    def has_words(self) -> bool:
        """Can the index of words help?"""
        return bool(self.search or self.name)

    def apply_words(self, runs: TaskRunQuerySet) -> TaskRunQuerySet:
        """What must be so of the words of every run that matches: for the index, besides `apply`."""
        query = search.query_of(self.name)
        return runs if query is None else runs.with_words(query)

    def phrases(self) -> list[str]:
        """What is asked, in words: `matching “import”`, `created in the last hour`."""
        said = {
            "q": gettext("matching “%(text)s”"),
            "name": gettext("named “%(text)s”"),
            "topic": gettext("on the topic “%(text)s”"),
            "owner": pgettext("runs", "of %(text)s"),
        }
        found = [words % {"text": mask_secrets(self.asked[key])} for key, words in said.items() if key in self.asked]
        if self.last:
            found.append(str(SPANS[self.last].phrase))
        if self.created_after is not None:
            found.append(gettext("created from %(time)s on") % {"time": _said(self.created_after)})
        if self.created_before is not None:
            found.append(gettext("created before %(time)s") % {"time": _said(self.created_before)})
        return found


class _Reader(Asked):
    """What is asked of runs."""

    def statuses(self) -> tuple[str, ...]:
        """One status or several, separated by commas."""
        wanted = tuple(dict.fromkeys(part for text in self.values["status"].split(",") if (part := text.strip())))
        if unknown := [part for part in wanted if part not in Status.values]:
            self.wrong["status"] = none_of(unknown[0], Status.values)
            return ()
        if self.values["status"] and not wanted:
            self.wrong["status"] = gettext("give one of %(known)s.") % {"known": ", ".join(Status.values)}
        return wanted


def _named(runs: TaskRunQuerySet, word: str) -> TaskRunQuerySet:
    """Those whose name has a word that begins so. `word`: letters and digits, see search.py."""
    return runs.filter(name__iregex=rf"(^|[^[:alnum:]]){word}")


def _said(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), pgettext("date format", "j M Y, H:i e"))
