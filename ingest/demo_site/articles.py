"""Which entries the demo site has, edition by edition, and what they say. The same on every machine and every
day.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from .material import (
    ANGLES,
    ASIDES,
    FIRST_NAMES,
    GERMAN,
    GERMAN_TITLES,
    INSTITUTES,
    LAST_NAMES,
    MONTHS,
    REGIONS,
    TOWNS,
)
from .subjects import SUBJECTS


class Kind(StrEnum):
    """What a reader meets behind an entry's address."""

    ARTICLE = "article"
    GERMAN = "german"
    SPONSORED = "sponsored"
    TEASER = "teaser"
    PAYWALL = "paywall"
    LINKS = "links"
    COPY = "copy"  # the same text as an article before, at another publication
    NEAR_COPY = "near-copy"  # the same with other first and last words
    MISSING = "missing"  # 404
    ERROR = "error"  # 500
    SLOW = "slow"
    DRIP = "drip"  # one byte at a time, for ever
    BROKEN = "broken"  # HTML that nobody closed
    LATIN = "latin"  # says UTF-8, is not
    PDF = "pdf"


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """A text with its title and its author."""

    title: str
    author: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One item of a feed. `number` makes its text; copies name the number they were copied from."""

    world: str
    edition: int
    number: int
    kind: Kind
    subject: str
    publication: str

    @property
    def path(self) -> str:
        """Where on the site it is."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.story.title.lower()).strip("-")[:60]
        return f"/{self.publication}/{self.edition}/{slug}-{self.number}"

    @property
    def story(self) -> Story:
        """What it says."""
        return story(self.world, self.subject, self.number, self.kind)


# What the first edition of each world holds, and what each further one adds.
_ON = {
    "energy": ("heat-pump", "home-battery", "solar-roof", "district-heating", "insulation"),
    "travel": ("night-train", "tram", "cycle-lane"),
}
_OFF = ("bread", "football", "bees")
PUBLICATIONS = {
    "energy": ("harbour-courier", "grid-and-hearth", "kilowatt-weekly", "valley-gazette"),
    "travel": ("sleeper-notes", "kerbside"),
}
_FIRST = {
    "energy": {
        Kind.ARTICLE: 150, Kind.GERMAN: 8, Kind.TEASER: 10, Kind.PAYWALL: 5, Kind.LINKS: 2, Kind.MISSING: 5,
        Kind.ERROR: 2, Kind.COPY: 5, Kind.NEAR_COPY: 5, Kind.SPONSORED: 3, Kind.SLOW: 1, Kind.DRIP: 1,
        Kind.BROKEN: 1, Kind.LATIN: 1, Kind.PDF: 1,
    },
    "travel": {
        Kind.ARTICLE: 40, Kind.GERMAN: 2, Kind.TEASER: 2, Kind.MISSING: 1, Kind.COPY: 1, Kind.NEAR_COPY: 1,
        Kind.SLOW: 1,
    },
}  # fmt: skip
_FURTHER = {
    "energy": {Kind.ARTICLE: 8, Kind.TEASER: 1, Kind.NEAR_COPY: 1, Kind.MISSING: 1, Kind.PAYWALL: 1},
    "travel": {Kind.ARTICLE: 4},
}
# Every sixth article of a world is about something else altogether.
_OFF_TOPIC_EVERY = 6
_COPIES = {Kind.COPY, Kind.NEAR_COPY}


@cache
def entries(world: str, edition: int) -> tuple[Entry, ...]:
    """The entries that `edition` (from 1) brings to `world`, in the order they were published."""
    plan = (_FIRST if edition == 1 else _FURTHER)[world]
    dice = random.Random(f"{world} {edition}")  # noqa: S311 - a demo, not a secret
    kinds = [kind for kind, times in plan.items() for _ in range(times)]
    dice.shuffle(kinds)
    # A server that never ends its answer holds a place for 20 s: early, so that nobody waits for it at the
    # end.
    kinds.sort(key=lambda kind: kind in {Kind.DRIP, Kind.SLOW}, reverse=True)
    # Copies come after what they copy.
    kinds.sort(key=lambda kind: kind in _COPIES)
    first = 1 if edition == 1 else 1 + sum(_FIRST[world].values()) + (edition - 2) * sum(_FURTHER[world].values())
    made: list[Entry] = []
    for number, kind in enumerate(kinds, start=first):
        if kind in _COPIES:
            made.append(_copy(made, world, edition, kind, dice))
        else:
            made.append(
                Entry(
                    world=world,
                    edition=edition,
                    number=number,
                    kind=kind,
                    subject=_subject(world, number, kind),
                    publication=PUBLICATIONS[world][number % len(PUBLICATIONS[world])],
                )
            )
    return tuple(made)


def all_entries(world: str, edition: int) -> Iterator[Entry]:
    """Everything `world` has published up to and with `edition`."""
    for one in range(1, edition + 1):
        yield from entries(world, one)


def _subject(world: str, number: int, kind: Kind) -> str:
    if kind == Kind.ARTICLE and number % _OFF_TOPIC_EVERY == 0:
        return _OFF[number // _OFF_TOPIC_EVERY % len(_OFF)]
    return _ON[world][number % len(_ON[world])]


def _copy(made: list[Entry], world: str, edition: int, kind: Kind, dice: random.Random) -> Entry:
    taken = {entry.number for entry in made if entry.kind in _COPIES}
    originals = [
        entry
        for entry in made
        if entry.kind == Kind.ARTICLE and entry.subject in _ON[world] and entry.number not in taken
    ]
    original = dice.choice(originals)
    others = [name for name in PUBLICATIONS[world] if name != original.publication]
    return Entry(
        world=world,
        edition=edition,
        number=original.number,
        kind=kind,
        subject=original.subject,
        publication=dice.choice(others),
    )


@cache
def story(world: str, subject: str, number: int, kind: Kind) -> Story:
    """The text number `number` of `world`."""
    cast = _Cast(f"{world} {subject} {number}", subject)
    if kind == Kind.GERMAN:
        return _german(cast, number)
    angles = list(ANGLES)
    # Each time a subject meets an angle again, other sentences of the same pools come to the front.
    angle, turn = angles[number % len(angles)], number // (len(angles) * len(_ON[world]))
    titles, happenings = ANGLES[angle]
    title = cast.say(titles[turn % len(titles)])
    order = random.Random(f"{subject} {angle}")  # noqa: S311
    facts = list(SUBJECTS[subject].sentences)
    events = list(happenings)
    order.shuffle(facts)
    order.shuffle(events)
    sentences = _window(facts, 5 * turn, cast.between(6, 8)) + _window(events, 4 * turn, cast.between(4, 6))
    cast.shuffle(sentences)
    asides = cast.sample(ASIDES, cast.between(5, 9))
    opener = cast.say(
        cast.pick(
            (
                "In {place}, a town of {n} hundred souls in {region}, talk has turned to the {thing}.",
                "Few subjects keep {place} as busy this {month} as the {thing}.",
                "The {thing} has arrived in {region}, and {place} is where it can be studied best.",
                "When {person} speaks about {things}, the hall in {place} falls silent.",
                "It started in {place} with a single {thing} and a great deal of patience.",
            )
        )
    )
    body = [opener] + [cast.say(sentence) for sentence in _interleave(sentences, asides)]
    if kind == Kind.SPONSORED:
        title = f"Sponsored: {title}"
    if kind == Kind.NEAR_COPY:
        title = f"{title} (updated)"
        body = [
            f"This report was first published elsewhere. {body[0]}",
            *body[1:-1],
            "More on this tomorrow.",
        ]
    return Story(title=title, author=cast["person"], paragraphs=_paragraphs(body, cast))


def _german(cast: "_Cast", number: int) -> Story:
    title = cast.say(GERMAN_TITLES[number % len(GERMAN_TITLES)])
    body = [cast.say(sentence) for sentence in cast.sample(GERMAN, 13)]
    return Story(title=title, author=cast["person"], paragraphs=_paragraphs(body, cast))


def _window(pool: list[str], start: int, size: int) -> list[str]:
    return [pool[(start + offset) % len(pool)] for offset in range(min(size, len(pool)))]


def _interleave(sentences: list[str], asides: list[str]) -> Iterator[str]:
    """The asides, spread evenly among the sentences."""
    every = max(1, len(sentences) // (len(asides) + 1))
    rest = list(asides)
    for index, sentence in enumerate(sentences, start=1):
        yield sentence
        if rest and index % every == 0:
            yield rest.pop()
    yield from rest


def _paragraphs(body: list[str], cast: "_Cast") -> tuple[str, ...]:
    found = []
    while body:
        size = cast.between(2, 4)
        found.append(" ".join(body[:size]))
        body = body[size:]
    return tuple(found)


class _Cast(dict[str, str]):
    """The people, places and numbers of one story. Numbers differ each time they are asked for."""

    def __init__(self, seed: str, subject: str) -> None:
        self._dice = random.Random(seed)  # noqa: S311
        first, second = self._dice.sample(FIRST_NAMES, 2)
        last, other_last = self._dice.sample(LAST_NAMES, 2)
        place, self._elsewhere = self._dice.choice(TOWNS), list(TOWNS)
        self._elsewhere.remove(place)
        super().__init__(
            place=place,
            Place=place,
            region=self._dice.choice(REGIONS),
            institute=self._dice.choice(INSTITUTES),
            person=f"{first} {last}",
            other=f"{second} {other_last}",
            thing=SUBJECTS[subject].thing,
            things=SUBJECTS[subject].things,
        )

    def __missing__(self, key: str) -> str:
        dice = self._dice
        match key:
            case "n":
                return str(dice.randint(14, 940))
            case "few":
                return dice.choice(("three", "four", "five", "six", "seven", "nine", "eleven", "twelve"))
            case "years":
                return dice.choice(("two", "three", "four", "eight", "nine", "ten", "fifteen", "twenty"))
            case "percent":
                return str(dice.randint(6, 78))
            case "money":
                return f"{dice.randint(2, 96) * 250:,} crowns"
            case "month":
                return dice.choice(MONTHS)
            case "town":
                return dice.choice(self._elsewhere)
        raise KeyError(key)

    def say(self, template: str) -> str:
        """`template` with this story's people, places and numbers."""
        return template.format_map(self)

    def between(self, low: int, high: int) -> int:
        """A number from `low` to `high`."""
        return self._dice.randint(low, high)

    def pick(self, choices: tuple[str, ...]) -> str:
        """One of `choices`."""
        return self._dice.choice(choices)

    def sample(self, pool: tuple[str, ...], size: int) -> list[str]:
        """`size` different ones of `pool`."""
        return self._dice.sample(pool, size)

    def shuffle(self, sentences: list[str]) -> None:
        """Mix `sentences` in place."""
        self._dice.shuffle(sentences)
