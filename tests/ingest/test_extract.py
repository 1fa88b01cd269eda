"""From bytes to an article."""

from datetime import UTC, datetime

import pytest

from ingest.demo_site import Kind, entries
from ingest.demo_site.pages import page
from ingest.reading.analysis import read_page
from ingest.reading.extract import decode, extract
from ingest.reading.pages import Page

AT = datetime(2026, 5, 17, 8, 30, tzinfo=UTC)
ONE_OF_EACH_LAYOUT = {entry.publication: entry for entry in entries("energy", 1) if entry.kind == Kind.ARTICLE}


@pytest.mark.parametrize("publication", sorted(ONE_OF_EACH_LAYOUT))
def test_the_article_is_found_and_the_clutter_left_out(publication: str) -> None:
    entry = ONE_OF_EACH_LAYOUT[publication]
    found = extract(page(entry, AT), url="https://example.org/story")
    for paragraph in entry.story.paragraphs:
        assert paragraph in found.text
    for clutter in ("cookies", "Crossword", "Advertisement", "Sign up", "visitor number", "First!"):
        assert clutter not in found.text
    assert entry.story.title in found.title
    assert found.published_at is not None
    assert found.published_at.date() == AT.date()


def test_broken_html_and_wrong_encodings_are_read_all_the_same() -> None:
    for kind in (Kind.BROKEN, Kind.LATIN):
        entry = next(entry for entry in entries("energy", 1) if entry.kind == kind)
        found = extract(page(entry, AT), url="https://example.org/story", charset="utf-8")
        assert entry.story.paragraphs[0][:60] in found.text


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("naïve – “café”".encode(), ""),
        ("naïve – “café”".encode("cp1252"), "cp1252"),
        ("naïve – “café”".encode("utf-16"), "utf-8"),
        ("naïve – “café”".encode("utf-8-sig"), "latin-1"),
        (b'<meta charset="iso-8859-1">' + "naïve – “café”".encode("cp1252"), "utf-8"),
        ("naïve – “café”".encode(), "no-such-charset"),
    ],
)
def test_the_encoding_is_found(body: bytes, charset: str) -> None:
    assert decode(body, charset).endswith("naïve – “café”")


CHINESE = "热泵正在改变城市的供暖方式，市政厅的院子里有一台。" * 20
JAPANESE = "東京の町では暖房の方法が変わりつつある。" * 20


def page_of(text: str, head: str = "") -> str:
    return f"<html><head>{head}<title>T</title></head><body><article><p>{text}</p></article></body></html>"


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        (page_of(CHINESE).encode(), "iso-8859-1", CHINESE),  # what servers say that say it of everything
        (page_of(CHINESE).encode(), "utf-16", CHINESE),
        (page_of(CHINESE, "<meta charset=gb2312>").encode(), "", CHINESE),
        (page_of(CHINESE).encode("gb18030"), "gb2312", CHINESE),
        (page_of(CHINESE, "<meta charset=gb2312>").encode("gb18030"), "", CHINESE),
        (page_of(CHINESE).encode("gb18030"), "", CHINESE),
        (page_of(CHINESE, "<meta charset='gbk'>").encode("gb18030"), "utf-8", CHINESE),
        (page_of(CHINESE).encode("utf-16-le"), "", CHINESE),  # its mark is missing
        (page_of(CHINESE).encode("utf-16-be"), "utf-8", CHINESE),
        (page_of("plain " * 200).encode("utf-16-le"), "utf-16", "plain " * 200),
        (page_of(JAPANESE).encode("iso2022_jp"), "iso-2022-jp", JAPANESE),
        (page_of(JAPANESE).encode("cp932"), "Shift_JIS", JAPANESE),
        (page_of("caf\xe9 “déjà” " * 50).encode("cp1252"), "ISO-8859-1", "caf\xe9 “déjà” " * 50),
        # A page put together of two: a few bytes are lost, and nothing else.
        (page_of(CHINESE).encode() + b"<p>caf\xe9</p>", "utf-8", CHINESE),
        (page_of(CHINESE).encode() + b"<p>caf\xe9</p>", "iso-8859-1", CHINESE),
    ],
)
def test_a_page_is_read_whatever_is_said_of_its_encoding(body: bytes, charset: str, text: str) -> None:
    assert text in decode(body, charset)


@pytest.mark.parametrize(
    "body", [b"", b"\x00" * 50, b"plain words", b"<html></html>", b"\xff\xfe", bytes(range(256)) * 9]
)
def test_what_is_no_article_has_no_text(body: bytes) -> None:
    assert extract(body, url="https://example.org/").text == ""


def test_nul_bytes_never_reach_the_database() -> None:
    html = (
        "<html><body><article>"
        + "<p>One\x00 whole sentence with a gap in it, and more.</p>" * 9
        + "</article></body></html>"
    )
    reading = read_page(Page(url="https://example.org/", body=html.encode(), title="T"))
    assert reading.text
    assert "\x00" not in reading.text + reading.title + reading.summary


def test_nothing_of_a_pages_markup_survives_in_the_text() -> None:
    html = (
        "<html><body><article><p>Before. <script>alert(1)</script> A sentence about the harbour.</p>"
        + "<p>Another sentence that is long enough to be taken for prose by anyone.</p>" * 8
        + "</article></body></html>"
    )
    assert "<" not in extract(html.encode(), url="https://example.org/").text
