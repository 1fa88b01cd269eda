"""Addresses that somebody pasted or uploaded, looked at line by line before anything starts: no network, no rows."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from itertools import islice
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from live.numbers import grouped

from .duplicates.canonical import canonical_url
from .fetching.guard import FetchError, check_url, is_allowed, is_public
from .lines import Line, lines_of_file, lines_of_text

MAX_URLS = 10_000
MAX_BYTES = 5_000_000  # of a file, of a request
SHOWN = 100  # lines that cannot be used, as they are listed; how many there are is always said

# Word processors and chats put these around addresses; none of them can be seen.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202a\u202c\u200e\u200f"))
_AROUND = str.maketrans("", "", '<>"“”„')


@dataclass(frozen=True, kw_only=True, slots=True)
class BadLine:
    """A line that cannot be used: its number, from 1, what stands there, and why."""

    number: int
    text: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    """What was found: `urls` to read, each once, and what is left out. `lines` is the text itself, by number."""

    urls: tuple[str, ...]
    repeated: int
    bad: tuple[BadLine, ...]
    lines: tuple[Line, ...]

    @property
    def too_many(self) -> int:
        """How many there are above what one run may read."""
        return max(0, len(self.urls) - MAX_URLS)

    @property
    def digest(self) -> str:
        """By which it is known whether somebody has changed the addresses since they were looked at."""
        return sha256("\n".join(self.urls).encode()).hexdigest()

    @property
    def summary(self) -> str:
        """`9,812 addresses to read, 120 repeated, 68 lines cannot be used`."""
        urls, bad = len(self.urls), len(self.bad)
        said = [ngettext("%(count)s address to read", "%(count)s addresses to read", urls) % {"count": grouped(urls)}]
        if self.repeated:
            repeated = ngettext("%(count)s repeated", "%(count)s repeated", self.repeated)
            said.append(repeated % {"count": grouped(self.repeated)})
        if bad:
            unusable = ngettext("%(count)s line cannot be used", "%(count)s lines cannot be used", bad)
            said.append(unusable % {"count": grouped(bad)})
        return ", ".join(said)


def read_text(text: str, allowed: Collection[str] = ()) -> Addresses:
    """The addresses of a pasted text: one a line, or a table with a column of them."""
    return read_lines(lines_of_text(text), allowed)


def read_file(body: bytes, name: str = "", allowed: Collection[str] = ()) -> Addresses:
    """The same of a file: text or CSV, in UTF-8, UTF-16 or what Windows writes."""
    return read_lines(lines_of_file(body, name), allowed)


def read_urls(urls: Iterable[str], allowed: Collection[str] = ()) -> Addresses:
    """The same of a list, each of them its own line whatever it holds."""
    return read_lines((Line(number=number, text=url) for number, url in enumerate(urls, start=1)), allowed)


def read_lines(lines: Iterable[Line], allowed: Collection[str] = ()) -> Addresses:
    """Look at each line. Blank ones, and those that begin with #, are passed over."""
    kept: list[Line] = []
    found: dict[str, str] = {}
    bad: list[BadLine] = []
    seen = 0
    for line in lines:
        kept.append(line)
        for text in _addresses_in(line.text):
            try:
                url = usable(text, allowed)
                address = canonical_url(url)
            except ValueError as error:
                bad.append(BadLine(number=line.number, text=clean(line.text)[:2100], reason=str(error)))
                break  # once for a line
            seen += 1
            found.setdefault(address, url)
    return Addresses(urls=tuple(found.values()), repeated=seen - len(found), bad=tuple(bad), lines=tuple(kept))


def usable(text: str, allowed: Collection[str] = ()) -> str:
    """The address in `text`. Raises ValueError with a sentence that says what is wrong with it."""
    url = clean(text).translate(_AROUND)
    if not url:
        raise ValueError(_("There is no address."))
    if any(character.isspace() for character in url):
        raise ValueError(_("There are spaces in it: one address a line."))
    if len(url) > 2000:
        raise ValueError(
            _("It is too long: an address has %(most)s characters at most, this one %(number)s.")
            % {"most": grouped(2000), "number": grouped(len(url))}
        )
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme.isalpha():
        raise ValueError(_("It does not begin with http:// or https://."))
    url = f"{scheme.lower()}://{rest}"
    try:
        check_url(url, allowed)
    except FetchError as error:
        raise ValueError(str(error)) from None
    _refuse_private(url, allowed)
    try:
        if len(canonical_url(url)) > 2000:
            raise ValueError
    except ValueError:
        raise ValueError(_("The address is not one we can open.")) from None
    return url


def clean(text: str) -> str:
    """`text` without what nobody sees, and without space around it."""
    return text.replace("\x00", "").translate(_INVISIBLE).strip()


def started(number: int) -> str:
    """`Started the analysis of 9,812 addresses.`"""
    said = ngettext(
        "Started the analysis of %(count)s address.", "Started the analysis of %(count)s addresses.", number
    )
    return said % {"count": grouped(number)}


def _addresses_in(text: str) -> Iterator[str]:
    """The addresses of a line: mostly one, sometimes several with spaces, commas or semicolons between."""
    text = clean(text)
    if not text or text.startswith("#"):
        return
    parts = text.replace(",http", " http").replace(";http", " http").split()
    if len(parts) > 1 and all(part.lower().startswith(("http://", "https://")) for part in parts):
        yield from (part.rstrip(",;") for part in parts)
    else:
        yield text


def _refuse_private(url: str, allowed: Collection[str]) -> None:
    """What can be seen to be no public address before anybody asks a name server; the rest shows when it is dialled."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (80 if parts.scheme == "http" else 443)
    if is_allowed(host, port, allowed):
        return
    try:
        ip_address(host.partition("%")[0])
        literal = True
    except ValueError:
        literal = False
    if (literal and not is_public(host)) or host == "localhost" or host.endswith(".localhost"):
        raise ValueError(_("The address leads into a private network."))


def first_bad(addresses: Addresses) -> list[BadLine]:
    """Those that are listed."""
    return list(islice(addresses.bad, SHOWN))
