"""The feeds of the publications: some speak RSS 2.0, some Atom, and one of those counts on xml:base."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape

from .articles import PUBLICATIONS, Entry, Kind, all_entries
from .pages import NAMES

ATOM = frozenset({"grid-and-hearth", "sleeper-notes"})
_SPACING = timedelta(minutes=37)


def feed(publication: str, edition: int, base: str, now: datetime) -> tuple[bytes, str]:
    """The document of a publication's feed and its content type. `base` is the site's address."""
    world = next(world for world, names in PUBLICATIONS.items() if publication in names)
    found = [
        (entry, published(entry, number, now))
        for number, entry in enumerate(reversed(list(all_entries(world, edition))))
        if entry.publication == publication
    ]
    write = _atom if publication in ATOM else _rss
    return write(publication, found, base, now)


def published(entry: Entry, age: int, now: datetime) -> datetime:
    """When an entry came out: the newest a little before `now`, the others before that, one by one."""
    return (now - _SPACING * (age + 1)).astimezone(UTC).replace(microsecond=0)


def _rss(publication: str, found: Iterable[tuple[Entry, datetime]], base: str, now: datetime) -> tuple[bytes, str]:
    items = "".join(
        f"<item><title>{escape(_title(entry))}</title>"
        # Links as feeds hand them out: with somebody's tracking on them.
        f"<link>{base}{entry.path}?utm_source=rss&amp;utm_medium=feed</link>"
        f'<guid isPermaLink="false">{publication}-{entry.edition}-{entry.number}-{entry.kind}</guid>'
        f"<dc:creator>{escape(entry.story.author)}</dc:creator>"
        f"<pubDate>{format_datetime(at)}</pubDate></item>"
        for entry, at in found
    )
    document = f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>{escape(NAMES[publication])}</title>
<link>{base}/{publication}/</link><description>Invented news</description>
<lastBuildDate>{format_datetime(now)}</lastBuildDate>{items}</channel></rss>"""
    return document.encode(), "application/rss+xml; charset=utf-8"


def _atom(publication: str, found: Iterable[tuple[Entry, datetime]], base: str, now: datetime) -> tuple[bytes, str]:
    items = "".join(
        f'<entry><title type="html">{escape(escape(_title(entry)))}</title>'
        # Relative to xml:base, which careless readers lose.
        f'<link rel="alternate" type="text/html" href="{entry.path.removeprefix(f"/{publication}/")}"/>'
        f"<id>tag:demo.invalid,2026:{publication}/{entry.edition}/{entry.number}/{entry.kind}</id>"
        f"<author><name>{escape(entry.story.author)}</name></author><updated>{at.isoformat()}</updated></entry>"
        for entry, at in found
    )
    document = f"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{base}/{publication}/">
<title>{escape(NAMES[publication])}</title>
<id>tag:demo.invalid,2026:{publication}</id><updated>{now.isoformat()}</updated>{items}</feed>"""
    return document.encode(), "application/atom+xml; charset=utf-8"


def _title(entry: Entry) -> str:
    return entry.story.title + (" (PDF)" if entry.kind == Kind.PDF else "")
