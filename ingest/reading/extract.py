"""From the bytes of a page to its article: title, text and who wrote it when."""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement
from trafilatura import bare_extraction, load_html
from trafilatura.utils import detect_encoding

from ingest.duplicates.canonical import canonical_url

from .text import clip

# Marks that settle the encoding before anything else is asked, longest first.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]{1,40})""", re.IGNORECASE)
_NOT_OF_THE_WEB = {"punycode", "idna", "undefined", "unicode-escape", "raw-unicode-escape"}
# What some names mean on the web, says the WHATWG: the larger encoding that browsers read them as.
_LABELS = {
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin1", "ascii", "us-ascii"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "gb_2312-80"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "x-sjis", "sjis"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "ksc5601"), "cp949"),
    **dict.fromkeys(("iso-8859-9", "latin5"), "cp1254"),
    **dict.fromkeys(("tis-620", "iso-8859-11"), "cp874"),
}
_GUESS_FROM = 100_000  # bytes: a guess at more takes longer, and is no better
_DATES = {"extensive_search": False, "original_date": True}
_MAX_TEXT = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """What stands on a page. An empty `text` means that no article was found."""

    text: str = ""
    title: str = ""
    author: str = ""
    site: str = ""
    published_at: datetime | None = None
    declared_url: str = ""
    anchors: frozenset[str] = field(default_factory=frozenset, repr=False)


def extract(body: bytes, *, url: str, charset: str = "") -> Extracted:
    """The article in the HTML `body`; `charset` is what the server said, which is not always so."""
    # A str, never bytes: given bytes, the library would also try to decompress them.
    tree = load_html(decode(body, charset))
    if tree is None:
        return Extracted()
    anchors = _anchor_texts(tree)
    declared_url = _declared_url(tree, url)
    document = bare_extraction(
        tree,
        url=url,
        fast=True,
        with_metadata=True,
        include_comments=False,
        date_extraction_params=_DATES,
    )
    if document is None or isinstance(document, dict):
        return Extracted()
    return Extracted(
        text=_clean_text(document.text or ""),
        title=clip(document.title or "", 500),
        author=clip(document.author or "", 300),
        site=clip(document.sitename or document.hostname or "", 200),
        published_at=_date(document.date),
        declared_url=declared_url,
        anchors=anchors,
    )


def decode(body: bytes, charset: str = "") -> str:
    """`body` as text: by its own mark first; as UTF-8 when it is; by the server's word, the page's word, a guess.

    UTF-8 goes before what is said of it: a text that is valid by accident hardly exists, a server that says Latin-1 of
    everything does.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body.decode(encoding, errors="replace")
    for candidate in _candidates(body, charset):
        try:
            # What Python calls an encoding, too: some raise, and one takes quadratic time.
            if codecs.lookup(candidate).name not in _NOT_OF_THE_WEB:
                return body.decode(candidate)
        except (ValueError, LookupError):
            continue
    return body.decode("utf-8", errors="replace")


def _candidates(body: bytes, charset: str) -> Iterable[str]:
    said = _LABELS.get(charset.lower(), charset)
    if wide := _without_mark(body):
        yield wide
    elif said and body.isascii() and not said.lower().startswith(("utf-16", "utf-32")):
        yield said  # Some write everything in seven bits, such as ISO-2022-JP.
    yield "utf-8"
    if _is_nearly_utf_8(body):
        return
    if said:
        yield said
    if declared := _META_CHARSET.search(body[:4096]):
        name = declared[1].decode("ascii", errors="ignore").lower()
        yield _LABELS.get(name, name)
    yield from detect_encoding(body[:_GUESS_FROM])


def _without_mark(body: bytes) -> str:
    """UTF-16 whose mark is missing: every other byte of its tags is 0."""
    head = body[:400]
    low, high = head[0::2].count(0), head[1::2].count(0)
    if max(low, high) * 3 < len(head) or low * high * 4 > max(low, high) ** 2:
        return ""
    return "utf-16-be" if low > high else "utf-16-le"


def _is_nearly_utf_8(body: bytes) -> bool:
    """A page put together of several, one of which was something else: a few bytes are lost, not the page."""
    text = body.decode("utf-8", errors="replace")
    lost = text.count("\ufffd")
    return len(text) - len(text.encode("ascii", errors="ignore")) > 11 * lost


def _declared_url(tree: HtmlElement, url: str) -> str:
    """What the page calls its address, in canonical form; "" when it says nothing of use.

    Read before the extraction, which takes the tree apart. That a site calls an article by the address of its front
    page is a common mistake.
    """
    for link in tree.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split():
            try:
                declared = canonical_url(urljoin(url, link.get("href") or ""))
            except ValueError:
                return ""
            parts = urlsplit(declared)
            return declared if (parts.path != "/" or parts.query) and len(declared) <= 2000 else ""
    return ""


def _anchor_texts(tree: HtmlElement) -> frozenset[str]:
    """What the links of the page say, to tell lines of text from lists of links."""
    return frozenset(
        " ".join(text.split()).lower() for anchor in tree.iter("a") if (text := anchor.text_content().strip())
    )


def _clean_text(text: str) -> str:
    return text.replace("\x00", "").strip()[:_MAX_TEXT]


def _date(value: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
