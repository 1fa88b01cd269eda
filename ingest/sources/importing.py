"""The one way in for sources, however they come: each line ends as added, there already, or failed, with why."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext

from ingest.duplicates.canonical import canonical_url
from ingest.fetching.fetch import allowed_hosts
from ingest.fetching.guard import FetchError, check_url
from ingest.models import Source, Topic
from live import audit
from live.numbers import grouped

from .lines import Line

MAX_SOURCES = 10_000  # of one topic


class Ending(StrEnum):
    """What became of a line."""

    ADDED = "added"
    ALREADY = "already"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A line and what became of it; `why` for those that failed."""

    line: Line
    ending: Ending
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the API and the run's result tell it."""
        return {
            "line": self.line.number,
            "url": self.line.url,
            "title": self.line.title,
            "ending": self.ending.value,
            "why": self.why,
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an import came to: an outcome for every line, in order."""

    outcomes: Sequence[Outcome] = field(default_factory=list)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many lines ended how: `added`, `already`, `failed`."""
        counted = Counter(one.ending.value for one in self.outcomes)
        return {ending.value: counted[ending.value] for ending in Ending}

    @property
    def failures(self) -> list[Outcome]:
        """The lines that could not be used."""
        return [one for one in self.outcomes if one.ending == Ending.FAILED]

    def __str__(self) -> str:
        return describe(self.counts)


def describe(counts: dict[str, int]) -> str:
    """`12 added, 3 there already, 1 failed`."""
    added, already, failed = counts["added"], counts["already"], counts["failed"]
    said = [npgettext("sources", "%(count)s added", "%(count)s added", added) % {"count": grouped(added)}]
    if already:
        said.append(
            ngettext("%(count)s there already", "%(count)s there already", already) % {"count": grouped(already)}
        )
    if failed:
        said.append(npgettext("sources", "%(count)s failed", "%(count)s failed", failed) % {"count": grouped(failed)})
    return ", ".join(said)


class Importer:
    """Adds lines to one topic. Sync; each call of `add` is one statement for all its new sources, or none."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._known = {_address(url) for url in topic.sources.values_list("url", flat=True)}

    def add(self, lines: Sequence[Line], *, site_urls: dict[str, str] | None = None) -> list[Outcome]:
        """Store what is new. Told the same lines again, it finds them there already: nothing is added twice."""
        outcomes, new = [], []
        for line in lines:
            outcome = self._check(line)
            outcomes.append(outcome)
            if outcome.ending == Ending.ADDED:
                self._known.add(_address(line.url))
                site_url = (site_urls or {}).get(line.url, "")
                title = "" if line.title == line.url else line.title
                new.append(Source(topic=self._topic, url=line.url, title=title, folder=line.folder, site_url=site_url))
        # Ignored: somebody else added the same at this moment.
        Source.objects.bulk_create(new, batch_size=500, ignore_conflicts=True)
        return outcomes

    def _check(self, line: Line) -> Outcome:
        if not line.url:
            return Outcome(line=line, ending=Ending.FAILED, why=_("There is no address in this line."))
        why = refusal(line.url)
        if why:
            return Outcome(line=line, ending=Ending.FAILED, why=why)
        if _address(line.url) in self._known:
            return Outcome(line=line, ending=Ending.ALREADY)
        if len(self._known) >= MAX_SOURCES:
            why = _("A topic has %(most)s sources at most. Put the rest into another topic.") % {
                "most": grouped(MAX_SOURCES)
            }
            return Outcome(line=line, ending=Ending.FAILED, why=why)
        return Outcome(line=line, ending=Ending.ADDED)


def import_lines(topic: Topic, lines: Sequence[Line]) -> Report:
    """Add all `lines` to `topic` now. Sync."""
    with transaction.atomic():
        report = Report(outcomes=Importer(topic).add(lines))
        audit.record("source.imported", topic, lines=len(lines))
    return report


def refusal(url: str) -> str:
    """Why `url` cannot be the address of a source; "" when it can."""
    try:
        check_url(url, allowed_hosts())
        canonical_url(url)
    except FetchError as error:
        return str(error)
    except ValueError:
        return _("This is not the address of a web page.")
    if len(url) > 1000:
        return _("This address is longer than %(most)s characters.") % {"most": grouped(1000)}
    return ""


def is_known(topic: Topic, url: str, *, except_for: Collection[int] = ()) -> bool:
    """Does the topic read this address already, be it with http or a slash more?"""
    others = topic.sources.exclude(pk__in=except_for).values_list("url", flat=True)
    return _address(url) in {_address(other) for other in others}


def _address(url: str) -> str:
    try:
        return canonical_url(url)
    except ValueError:
        return url
