"""Which articles a person or a program asked to see: one reading of it for the list, its address, the API and bulk.

A filter that cannot be understood as a whole matches nothing: what was meant as "these" must not become "all".
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Self

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import F, Func
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ingest.decisions import Decision
from ingest.models import ArticleQuerySet
from ingest.models.articles import NEW_FOR
from ingest.wording import full_day
from tasks.asked import YEARS, Asked
from tasks.exceptions import BadFilter

# What each tab of a list is called, in order; `new` and `added` are both parts of those that made it.
SHOWN = {
    "all": pgettext_lazy("articles", "All"),
    "new": _("New"),
    "added": _("Added"),
    Decision.FILTERED_RELEVANCE.value: _("Below threshold"),
    Decision.REJECTED_QUALITY.value: _("Rejected"),
    Decision.DUPLICATE.value: _("Duplicates"),
    Decision.FAILED.value: pgettext_lazy("articles", "Failed"),
    Decision.PENDING.value: pgettext_lazy("articles", "Waiting"),
}
ONLY = {"unread": _("Unread"), "starred": _("Starred")}
SORTS = {
    "newest": _("Newest first"),
    "relevance": _("Most relevant first"),
    "quality": _("Best quality first"),
}
KEYS = ("show", "only", "q", "topic", "source", "language", "since", "until", "sort")


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleFilters:
    """What was asked for. `asked` holds it as in an address; `wrong` says of each part that cannot be used why."""

    show: str = "all"
    only: str = ""
    search: str = ""
    topic: int | None = None
    source: int | None = None
    language: str = ""
    since: date | None = None
    until: date | None = None
    sort: str = "newest"
    asked: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, query: Mapping[str, Any], *, also: Collection[str] | None = None) -> Self:
        """The filters named in an address, a form or a call.

        Other keys are not looked at, or with `also` are wrong unless they are among those: a filter with a slip in its
        name must not count as not asked.
        """
        reader = _Reader(query, KEYS, thing=gettext("article"))
        if also is not None:
            reader.refuse_others(query, also)
        since, until = reader.day("since"), reader.day("until")
        if since is not None and until is not None and since > until:
            reader.wrong["until"] = gettext("must not lie before the day from which on you look.")
        return cls(
            show=reader.one_of("show", SHOWN) or "all",
            only=reader.one_of("only", ONLY),
            search=reader.text("q", words_in=_has_word),
            topic=reader.number("topic"),
            source=reader.number("source"),
            language=reader.language("language"),
            since=since,
            until=until,
            sort=reader.one_of("sort", SORTS) or "newest",
            asked={key: text for key, text in reader.values.items() if text},
            wrong=reader.wrong,
        )

    def changed(self, **changes: str) -> "ArticleFilters":
        """The same with some keys of the address changed, or taken away by an empty text."""
        return ArticleFilters.of({**self.asked, **changes})

    def checked(self) -> "ArticleFilters":
        """Itself. Raises BadFilter when a part of it cannot be used."""
        if self.wrong:
            raise BadFilter(self.wrong)
        return self

    @property
    def any(self) -> bool:
        """Is anything asked besides the order?"""
        return bool(self.asked.keys() - {"sort"})

    @property
    def show_word(self) -> str:
        """What the tab is called."""
        return str(SHOWN[self.show])

    @property
    def decisions(self) -> list[str]:
        """The decisions an article must have one of."""
        if self.show in {"new", "added"} or self.only == "unread":
            return [Decision.APPROVED.value] if self.show in {"all", "new", "added"} else []
        return list(Decision.values) if self.show == "all" else [self.show]

    @property
    def is_narrow(self) -> bool:
        """Is anything asked that the order's index cannot jump to?"""
        days = self.sort != "newest" and (self.since is not None or self.until is not None)
        return bool(days or self.show == "new" or self.only or self.search or self.source or self.language)

    @property
    def first_moment(self) -> datetime | None:
        """From when on an article must have been found."""
        return None if self.since is None else _start_of(self.since)

    @property
    def last_moment(self) -> datetime | None:
        """Until when, exclusively."""
        return None if self.until is None else _start_of(self.until + timedelta(days=1))

    def apply(self, articles: ArticleQuerySet, *, topics: Sequence[int], by_index: bool) -> ArticleQuerySet:
        """Those of `articles` (which are in `topics`) that match; none if any part cannot be used.

        Not `by_index`: each of these articles is looked at; for few of them.
        """
        if self.wrong:
            return articles.none()
        if not by_index:
            articles = articles.alias(**{f"its_{name}": _OfRow(name) for name in LOOKED_AT})
        its = "" if by_index else "its_"
        conditions: dict[str, Any] = {"decision__in": self.decisions}
        if self.show == "new":
            conditions["decided_at__gte"] = timezone.now() - NEW_FOR
        if self.only == "unread":
            conditions["read_at__isnull"] = True
        if self.only == "starred":
            conditions["starred_at__isnull"] = False
        if self.source is not None:
            conditions["source_id"] = self.source
        if self.language:
            conditions["language"] = self.language
        if self.first_moment is not None:
            conditions["found_at__gte"] = self.first_moment
        if self.last_moment is not None:
            conditions["found_at__lt"] = self.last_moment
        articles = articles.filter(**{f"{its}{name}": value for name, value in conditions.items()})
        return self._with_words(articles, topics, by_index) if self.search else articles

    def _with_words(self, articles: ArticleQuerySet, topics: Sequence[int], by_index: bool) -> ArticleQuerySet:
        query = query_of(self.search)
        if not by_index:
            return articles.alias(said=_VECTOR_OF_ROW).filter(said=query)
        if len(topics) <= TOPICS_NAMED:
            # So that the index of words gives no other topic's articles; each vector has its topic in it.
            named = " | ".join(f"'#{topic:d}'" for topic in topics)
            articles = articles.filter(words__vector=_Lexemes(named))
        return articles.filter(words__vector=query)

    def phrases(self) -> list[str]:
        """What is asked besides tabs and order, in words: `with “heat pump”`, `found from 3 Nov 2026 on`."""
        found = [gettext("with “%(words)s”") % {"words": self.search}] if self.search else []
        if self.language:
            found.append(gettext("in the language “%(language)s”") % {"language": self.language})
        if self.since is not None:
            found.append(gettext("found from %(day)s on") % {"day": full_day(self.since)})
        if self.until is not None:
            found.append(gettext("found until %(day)s") % {"day": full_day(self.until)})
        return found


TOPICS_NAMED = 100
LOOKED_AT = ("decision", "decided_at", "read_at", "starred_at", "source_id", "language", "found_at")


class _OfRow(Func):
    """A column said so that no index fits: for a look at a few rows, which are not to be found once more by an index
    that has every article of that language.
    """

    template = "(ARRAY[%(expressions)s])[1]"


# The words of an article, said so that no index fits: for a look through a few rows.
_VECTOR_OF_ROW = Func(
    F("words__vector"), template="(%(expressions)s || ''::tsvector)", output_field=SearchVectorField()
)


class _Lexemes(SearchQuery):
    """A question whose words are taken as they are."""

    template = "(%(expressions)s)::tsquery"


def query_of(text: str) -> SearchQuery:
    """The question as Postgres reads it: words, "phrases", or, -not."""
    return SearchQuery(text, config="simple", search_type="websearch")


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _has_word(text: str) -> bool:
    return any(map(str.isalnum, text))


class _Reader(Asked):
    """What is asked of articles."""

    def number(self, key: str) -> int | None:
        """The number of a thing."""
        text = self.values[key]
        if text and not (text.isascii() and text.isdecimal() and len(text) < 19):
            self.wrong[key] = gettext("must be a number.")
        return int(text) if text and key not in self.wrong else None

    def language(self, key: str) -> str:
        """A language's code."""
        text = self.values[key].lower()
        if text and not re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})?", text):
            self.wrong[key] = gettext("has two letters, such as “en”.")
        return text if key not in self.wrong else ""

    def day(self, key: str) -> date | None:
        """A day."""
        text = self.values[key]
        try:
            day = date.fromisoformat(text) if text else None
        except ValueError:
            day, self.wrong[key] = None, gettext("is no date: write it like 2026-11-24.")
        if day is not None and day.year not in YEARS:
            self.wrong[key] = gettext("must lie in a year from %(first)s to %(last)s.") % {
                "first": YEARS[0],
                "last": YEARS[-1],
            }
        return day if key not in self.wrong else None
