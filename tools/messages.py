"""The catalogs of messages: extracted, compiled and checked with Babel, for GNU gettext is not on every machine.

    python -m tools.messages update [room ...]    what the code says, into the .po files
    python -m tools.messages compile [room ...]   the .mo files that Django reads
    python -m tools.messages check                what is missing or wrong; exit code 1 if anything is

Each room has its catalogs, and those of its templates, in `<room>/locale`; why: docs/decisions/languages.md.
"""

import io
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
ROOMS = tuple(
    room for room in ("live", "notifications", "tasks", "ingest", "accounts", "statusproj") if (ROOT / room).is_dir()
)
LANGUAGES = ("de", "es")

# Of which arguments a message is made: its context, its words, and those for several.
ARGUMENTS: dict[str, tuple[int | None, int, int | None]] = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)[0-9.]*[sdf]|(?<!%)%[sd]")

type Message = tuple[str | tuple[str, str], str | None]  # what is to be said (and its plural), in which sense


def sources(room: str) -> Iterator[Path]:
    """The files whose words are the room's: its Python and its templates."""
    yield from sorted(path for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts)
    yield from sorted(path for path in (ROOT / room / "templates").rglob("*") if path.suffix in {".html", ".txt"})


def messages_of(path: Path) -> Iterator[Message]:
    """What a file says to people."""
    text = path.read_text()
    if path.suffix != ".py":
        # Django makes of a template something that reads like Python, but for its indents: none count in parentheses.
        text = f"({templatize(text)})"
    keywords = dict.fromkeys(ARGUMENTS)
    for _line, function, said, _comments in extract_python(io.BytesIO(text.encode()), keywords, [], {}):
        context, one, many = ARGUMENTS[str(function)]
        words: list[str | None] = [*said] if isinstance(said, tuple | list) else [said]
        words += [None] * 3  # what is no literal is no message
        singular, plural = words[one], words[many] if many is not None else None
        if singular and (plural or many is None):
            yield (singular, plural) if plural else singular, words[context] if context is not None else None


def template_of(room: str) -> Catalog:
    """Everything the room says, with the files that say it."""
    catalog = Catalog()
    for path in sources(room):
        for said, context in messages_of(path):
            flags = ["python-format"] if PLACEHOLDER.search(said if isinstance(said, str) else said[1]) else []
            catalog.add(said, locations=[(str(path.relative_to(ROOT)), 1)], flags=flags, context=context)
    return catalog


def file_of(room: str, language: str) -> Path:
    """Where the catalog of a room is kept."""
    return ROOT / room / "locale" / language / "LC_MESSAGES" / "django.po"


def load(room: str, language: str) -> Catalog:
    """What is translated already."""
    path = file_of(room, language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(room: str) -> None:
    """Merge what the code says into the catalogs: new messages come in as other rooms have them, or empty; those nobody
    says any more go out.
    """
    for language in LANGUAGES:
        template = template_of(room)  # anew for each: a catalog takes its messages over as they are
        if not len(template):
            return
        catalog = load(room, language)
        catalog.update(template, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        _take_over(catalog, [load(other, language) for other in ROOMS if other != room])
        catalog.fuzzy = False
        catalog.header_comment = f"# {room} in {language}"
        path = file_of(room, language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, catalog, width=120, omit_header=False, sort_by_file=True, include_lineno=False)
        _drop_dates(path)
        print(f"{room} {language}: {len(catalog)} messages, {len(list(_untranslated(catalog)))} to be translated")


def compiled(room: str, language: str) -> bytes:
    """The .mo of a catalog."""
    catalog, file = load(room, language), io.BytesIO()
    catalog.creation_date = datetime(2000, 1, 1, tzinfo=UTC)  # else the moment of compiling: no two would be the same
    write_mo(file, catalog)
    return file.getvalue()


def compile_room(room: str) -> None:
    """Write the .mo files of a room."""
    for language in LANGUAGES:
        path = file_of(room, language)
        if path.exists():
            path.with_suffix(".mo").write_bytes(compiled(room, language))


def complaints() -> Iterator[str]:
    """What keeps the catalogs from being complete and right, one sentence each."""
    for language in LANGUAGES:
        known: dict[tuple[object, str | None], tuple[object, str]] = {}
        for room in ROOMS:
            wanted = {(message.id, message.context) for message in template_of(room) if message.id}
            catalog = load(room, language)
            have = {(message.id, message.context): message for message in catalog if message.id}
            where = f"{room}/{language}"
            for said, _context in sorted(wanted - set(have), key=repr):
                yield f"{where}: {said!r} is not in the catalog; run `python -m tools.messages update {room}`."
            for said, _context in sorted(set(have) - wanted, key=repr):
                yield f"{where}: nobody says {said!r} any more."
            for key, message in have.items():
                yield from (f"{where}: {trouble}" for trouble in _wrong(message.id, message.string, message.fuzzy))
                before, there = known.setdefault(key, (message.string, where))
                if before != message.string:
                    yield f"{where}: {key[0]!r} is {message.string!r} here and {before!r} in {there}."
            path = file_of(room, language).with_suffix(".mo")
            if have and (not path.exists() or path.read_bytes() != compiled(room, language)):
                yield f"{where}: the .mo is older than the .po; run `python -m tools.messages compile {room}`."


def _wrong(said: object, translated: object, fuzzy: bool) -> Iterator[str]:
    ids, strings = _forms(said), _forms(translated)
    if not all(strings):
        yield f"{said!r} is not translated."
        return
    if fuzzy:
        yield f"{said!r} is marked as fuzzy."
    holders = {name.group(0) for form in ids for name in PLACEHOLDER.finditer(form)}
    for form in strings:
        if strange := {name.group(0) for name in PLACEHOLDER.finditer(form)} - holders:
            yield f"{said!r} has no {', '.join(sorted(strange))}."
    if missing := {name.group(0) for name in PLACEHOLDER.finditer(ids[-1])} - {
        name.group(0) for name in PLACEHOLDER.finditer(strings[-1])
    }:
        yield f"{said!r} lost {', '.join(sorted(missing))}."
    for form in strings:
        if form[:1].isspace() != ids[0][:1].isspace() or form[-1:].isspace() != ids[0][-1:].isspace():
            yield f"{said!r} begins or ends with other white space."
            break


def _forms(said: object) -> tuple[str, ...]:
    return tuple(said) if isinstance(said, tuple | list) else (str(said or ""),)


def _untranslated(catalog: Catalog) -> Iterator[object]:
    for message in catalog:
        if message.id and not all(_forms(message.string)):
            yield message.id


def _take_over(catalog: Catalog, others: Iterable[Catalog]) -> None:
    for message in catalog:
        if not any(_forms(message.string)):
            known = (other.get(message.id, message.context) for other in others)
            message.string = next((there.string for there in known if there), message.string)


def _drop_dates(path: Path) -> None:
    # Dates, and who ran it last, would be the only change in most commits.
    dropped = (
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Last-Translator",
        "Generated-By",
        "Report-Msgid",
        "Project-Id",
        "Language-Team",
    )
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(tuple(f'"{name}' for name in dropped))))


def main(arguments: Iterable[str]) -> int:
    """Run one command; the exit code."""
    command, *rooms = [*arguments] or [""]
    match command:
        case "update":
            for room in rooms or ROOMS:
                update(room)
        case "compile":
            for room in rooms or ROOMS:
                compile_room(room)
        case "check":
            found = list(complaints())
            print("\n".join(found) or "Every message is there in every language.")
            return bool(found)
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
