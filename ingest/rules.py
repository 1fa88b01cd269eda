"""The rules of a topic: as people type them, and as they are stored.

A line is a keyword: `heat pump`, `title: tariff`, `"exactly these words"`. A line that begins with a minus keeps
articles out.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from live import audit
from live.numbers import grouped

from .models import Keyword, Topic
from .reading.relevance import Field, Rules, Term

MAX_PHRASE = 100
MAX_KEYWORDS = 500
# What else of a topic is a rule: its columns.
RULE_COLUMNS = ("language", "relevance_threshold", "quality_threshold")
_FIELDS: dict[str, Field] = {
    "any": "any", "title": "title", "text": "body", "body": "body", "author": "author", "site": "site"
}  # fmt: skip
# What a field is called in a line.
_WORDS: dict[Field, str] = {"title": "title", "body": "text", "author": "author", "site": "site"}
_LINE = re.compile(rf"({'|'.join(_FIELDS)})\s*:\s*(\S.*)", re.IGNORECASE)
_QUOTES = str.maketrans("“”„‟″", '"""""')


class BadKeyword(ValueError):
    """This is no keyword; the message says why, in a sentence that can be shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keywords:
    """What to look for, and what keeps an article out."""

    include: tuple[Term, ...] = ()
    exclude: tuple[Term, ...] = ()


def read_line(line: str) -> Term:
    """The keyword in `line`. Raises BadKeyword."""
    text = " ".join(line.replace("\x00", "").translate(_QUOTES).split())
    named = _LINE.fullmatch(text)
    term = Term(phrase=named[2], field=_FIELDS[named[1].lower()]) if named else Term(phrase=text)
    return checked(term)


def checked(term: Term) -> Term:
    """`term`, if it can be looked for. Raises BadKeyword."""
    if not any(map(str.isalnum, term.phrase)):
        raise BadKeyword(_("“%(phrase)s” is no keyword: it needs letters or digits.") % {"phrase": term.phrase})
    if len(term.phrase) > MAX_PHRASE:
        raise BadKeyword(
            _("“%(phrase)s…” is too long: a keyword has at most %(most)s characters.")
            % {"phrase": term.phrase[:30], "most": MAX_PHRASE}
        )
    return term


def write_line(term: Term) -> str:
    """The line that `read_line` reads as `term`."""
    if term.field != "any":
        return f"{_WORDS[term.field]}: {term.phrase}"
    return f"any: {term.phrase}" if _LINE.fullmatch(term.phrase) or term.phrase.startswith("-") else term.phrase


def read_lines(include: Iterable[str], exclude: Iterable[str] = ()) -> Keywords:
    """The keywords in these lines; one that is said twice counts once. Raises BadKeyword, with the line's words."""
    kinds: dict[tuple[str, Field], bool] = {}
    terms: dict[tuple[str, Field], Term] = {}
    for lines, all_out in ((include, False), (exclude, True)):
        for line in lines:
            stripped = line.strip()
            out = all_out or stripped.startswith("-")
            if not (bare := stripped.removeprefix("-").strip()):
                continue
            term = read_line(bare)
            key = (term.phrase.casefold(), term.field)
            if kinds.setdefault(key, out) != out:
                raise BadKeyword(
                    _("“%(phrase)s” cannot be included and excluded at once.") % {"phrase": write_line(term)}
                )
            terms.setdefault(key, term)
    if len(terms) > MAX_KEYWORDS:
        raise BadKeyword(
            _("These are %(number)s keywords; a topic has at most %(most)s.")
            % {"number": grouped(len(terms)), "most": MAX_KEYWORDS}
        )
    return Keywords(
        include=tuple(term for key, term in terms.items() if not kinds[key]),
        exclude=tuple(term for key, term in terms.items() if kinds[key]),
    )


def keywords_of(topic: Topic) -> Keywords:
    """The topic's keywords."""
    found: dict[str, list[Term]] = {kind: [] for kind in Keyword.Kind.values}
    for keyword in topic.keywords.all():
        found[keyword.kind].append(Term(phrase=keyword.phrase, field=keyword.field))  # type: ignore[arg-type]
    return Keywords(include=tuple(found[Keyword.Kind.INCLUDE]), exclude=tuple(found[Keyword.Kind.EXCLUDE]))


def rules_of(topic: Topic) -> Rules:
    """What `topic` asks of its articles."""
    keywords = keywords_of(topic)
    return Rules(
        include=keywords.include,
        exclude=keywords.exclude,
        language=topic.language,
        relevance_threshold=topic.relevance_threshold,
        quality_threshold=topic.quality_threshold,
    )


def save_keywords(topic: Topic, keywords: Keywords) -> None:
    """Let these be the topic's keywords. Those that stay keep their rows."""
    wanted = {(one.phrase, one.field): Keyword.Kind.INCLUDE for one in keywords.include}
    wanted |= {(one.phrase, one.field): Keyword.Kind.EXCLUDE for one in keywords.exclude}
    with transaction.atomic():
        # Two people who save at once take turns: the rules are then one's or the other's, not a mixture.
        Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
        with changing_keywords(topic):
            for row in topic.keywords.all():
                kind = wanted.pop((row.phrase, row.field), None)  # type: ignore[arg-type]
                if kind is None:
                    row.delete()
                elif kind != row.kind:
                    topic.keywords.filter(pk=row.pk).update(kind=kind)
            topic.keywords.bulk_create(
                Keyword(topic=topic, phrase=phrase, field=field, kind=kind) for (phrase, field), kind in wanted.items()
            )


@contextmanager
def changing_keywords(topic: Topic) -> Iterator[None]:
    """A transaction that may write the topic's keywords, by whatever means: the trail keeps what came of it."""
    with transaction.atomic():
        before = _stored_lines(topic)
        yield
        now = _stored_lines(topic)
        if changes := {side: (before[side], now[side]) for side in now if before[side] != now[side]}:
            audit.record("topic.keywords_changed", topic, changes=changes)


def _stored_lines(topic: Topic) -> dict[str, list[str]]:
    # Read anew: rows that were looked up before would stand as they were.
    keywords = keywords_of(Topic.objects.get(pk=topic.pk))
    return {side: sorted(map(write_line, getattr(keywords, side))) for side in ("include", "exclude")}
