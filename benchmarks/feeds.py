"""What we keep of a feed: links, titles, dates and ids of 2,107 feeds that were written to be difficult.

The cases are feedparser's own (BSD-2-Clause) and not part of this project; without them there is nothing to measure.
Each says in a comment what must be found in it. Beside that, every entry is compared with what bare feedparser finds.
"""

import argparse
import re
import tarfile
import time
from ast import literal_eval
from calendar import timegm
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import feedparser

from benchmarks.harness import Result, Row

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
URL = "http://127.0.0.1:8097/feed"
FIELDS = ("link", "title", "date", "id")
# What the cases call the things we keep.
NAMES = {
    "link": "link", "title": "title", "title_detail": "title", "id": "id", "guid": "id",
    "published_parsed": "date", "updated_parsed": "date", "created_parsed": "date",
    "modified_parsed": "date", "issued_parsed": "date", "date_parsed": "date",
}  # fmt: skip
_EXPECT = re.compile(rb"(?:Expect|__TEST__\": \".*?Expect):\s*(.*?)\s*-->", re.DOTALL)
_HEADER = re.compile(rb"^\s*Header:\s*([\w-]+):\s*(.*?)\s*$", re.MULTILINE)
_CLAUSE = re.compile(r"entries\[(\d+)\](?:\['(\w+)'\]|\.(\w+))(?:\['value'\]|\.value)? == (.+)", re.DOTALL)
_AND = re.compile(r"\s+and\s+(?=not |entries|feed|bozo|encoding|len|version)")
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|</?[a-z][^<>]*>", re.IGNORECASE | re.DOTALL)


def main() -> None:
    """Read every case twice, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds feeds-conformance/")
    parser.add_argument("--losses", action="store_true", help="name every case of which something is lost")
    options = parser.parse_args()
    archive = options.data / "feeds-conformance" / "feedparser-tests-xml.tar.gz"
    if not archive.is_file():
        print(f"  skipped: there are no feeds in {archive} (see --data)")
        return
    measure(archive, say_losses=options.losses)


def measure(archive: Path, *, say_losses: bool) -> None:
    """Count what each reader finds, for each kind of feed and each thing we keep."""
    expected: Counter[str] = Counter()
    held: dict[str, Counter[str]] = {"bare": Counter(), "ours": Counter()}
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    kept: defaultdict[str, Counter[str]] = defaultdict(Counter)
    seconds: Counter[str] = Counter()
    cases = 0
    for name, body in cases_in(archive):
        cases += 1
        headers = {key.decode().lower(): value.decode("latin-1") for key, value in _HEADER.findall(body)}
        kind, bare = timed(seconds, "bare", read_bare, body, headers)
        ours = timed(seconds, "ours", read_ours, body, headers)
        for place, field, value in expectations(body):
            expected[field] += 1
            for reader, entries in (("bare", bare), ("ours", ours)):
                is_held = place < len(entries) and same(field, entries[place][field], value)
                held[reader][field] += is_held
                if say_losses and not is_held:
                    got = entries[place][field] if place < len(entries) else "no entry"
                    print(f"  {reader} {name}: {field} {value!r}, found {got!r}")
        for place, entry in enumerate(bare):
            for field in FIELDS:
                if entry[field]:
                    found[kind][field] += 1
                    is_kept = place < len(ours) and same(field, ours[place][field], entry[field])
                    kept[kind][field] += is_kept
                    if say_losses and not is_kept:
                        got = ours[place][field] if place < len(ours) else "no entry"
                        print(f"  lost {name}: {field} {entry[field]!r}, found {got!r}")
    report(cases, expected, held, found, kept, seconds)


def report(
    cases: int,
    expected: Mapping[str, int],
    held: Mapping[str, Mapping[str, int]],
    found: Mapping[str, Mapping[str, int]],
    kept: Mapping[str, Mapping[str, int]],
    seconds: Mapping[str, float],
) -> None:
    """Write the result, with a table for each kind of feed."""
    totals = {field: sum(one[field] for one in found.values()) for field in FIELDS}
    ours = {field: sum(one[field] for one in kept.values()) for field in FIELDS}
    table = [
        "| kind | " + " | ".join(f"{field}s" for field in FIELDS) + " |",
        "|---|" + "---:|" * len(FIELDS),
        *(
            f"| {kind} | "
            + " | ".join(
                f"{kept[kind][field]} of {found[kind][field]}" if found[kind][field] else "" for field in FIELDS
            )
            + " |"
            for kind in sorted(found, key=lambda kind: -sum(found[kind].values()))
        ),
    ]
    rows = [
        Row(name="bare feedparser: what the cases expect", samples=[share(held["bare"], expected)], is_baseline=True),
        Row(name="statusproj: what the cases expect", samples=[share(held["ours"], expected)]),
    ]
    rows += [
        Row(name=f"statusproj: {field}s that feedparser finds", samples=[100 * ours[field] / totals[field]])
        for field in FIELDS
    ]
    each = ", ".join(
        f"{field}s {held['ours'][field]} of {number} (bare {held['bare'][field]})" for field, number in expected.items()
    )
    Result(
        key="feeds",
        title="What is kept of a feed",
        unit="%",
        rows=rows,
        target="nothing that the reference keeps is lost",
        packages=["feedparser"],
        notes=[
            f"{cases:,} cases; {sum(expected.values())} of their expectations are about an entry’s {each}",
            f"{seconds['ours'] * 1000 / cases:.2f} ms of CPU a case, bare {seconds['bare'] * 1000 / cases:.2f} ms",
            "Titles are compared as plain text, for we keep no markup; links where they lead to the web",
            "What differs: an entry’s page is preferred to its enclosure; ids stay as they were written, where "
            "feedparser makes addresses of some; a script in a title is left out with its text",
            "Kept of what bare feedparser finds, by kind of feed:\n\n" + "\n".join(table) + "\n\nEmpty: it finds none",
        ],
    ).save()


def cases_in(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Every feed of the archive, by name."""
    with tarfile.open(archive) as cases:
        for member in sorted(cases.getmembers(), key=lambda one: one.name):
            file = cases.extractfile(member) if member.isfile() else None
            if file is not None and member.name.endswith((".xml", ".json")):
                yield member.name.removeprefix("tests/"), file.read()


def expectations(body: bytes) -> Iterator[tuple[int, str, Any]]:
    """What a case expects of the things we keep: the entry's place, the field, the value."""
    match = _EXPECT.search(body)
    if match is None:
        return
    for clause in re.split(
        r"\s+and\s+(?=not |entries|feed|bozo|encoding|len|version)", match[1].decode("utf-8", "replace")
    ):
        part = _CLAUSE.fullmatch(clause)
        if part is None or (part[2] or part[3]) not in NAMES:
            continue
        try:
            value = literal_eval(part[4].strip())
        except (ValueError, SyntaxError):
            continue
        field = NAMES[part[2] or part[3]]
        if field == "date" and isinstance(value, tuple):
            value = datetime.fromtimestamp(timegm(value), UTC)
        yield int(part[1]), field, plain(value) if field == "title" else value


def read_bare(body: bytes, headers: dict[str, str]) -> tuple[str, list[dict[str, Any]]]:
    """The kind of feed, and its entries as the reference reads them, all its help switched on."""
    parsed = feedparser.parse(body, response_headers={"content-location": URL, **headers})
    entries = []
    for raw in parsed.entries:
        moment = raw.get("published_parsed") or raw.get("updated_parsed") or raw.get("created_parsed")
        entries.append(
            {
                "link": raw.get("link", ""),
                "title": plain(raw.get("title", "")),
                "date": datetime.fromtimestamp(timegm(moment), UTC) if moment else None,
                "id": raw.get("id", ""),
            }
        )
    return parsed.get("version") or "unknown", entries


def read_ours(body: bytes, headers: dict[str, str]) -> list[dict[str, Any]]:
    """The entries as we read them."""
    from ingest.fetching.feeds import NotAFeed, read_entries

    try:
        _title, _site, entries = read_entries(
            body, headers.get("content-location", URL), headers.get("content-type", "")
        )
    except NotAFeed:
        return []
    return [{"link": one.url, "title": one.title, "date": one.published_at, "id": one.id} for one in entries]


def same(field: str, found: Any, wanted: Any) -> bool:
    """Is it the same thing? Titles on one line; an address that is none of the web counts as none."""
    if field == "title":
        return " ".join(str(found).split()) == wanted
    if field == "link" and not str(wanted).startswith(("http://", "https://")):
        return not found or found == wanted
    return bool(found == wanted)


def plain(markup: str) -> str:
    """`markup` without tags, entities and line breaks."""
    return " ".join(unescape(_TAG.sub("", str(markup))).split())


def timed(seconds: Counter[str], name: str, read: Any, *arguments: Any) -> Any:
    """What `read` returns; its time is added to `seconds`."""
    started = time.process_time()
    try:
        return read(*arguments)
    finally:
        seconds[name] += time.process_time() - started


def share(part: Mapping[str, int], whole: Mapping[str, int]) -> float:
    """Per cent of all fields together."""
    return 100 * sum(part.values()) / sum(whole.values())


if __name__ == "__main__":
    main()
