"""Lists of sources, read and written."""

from dataclasses import dataclass

import pytest

from ingest.sources.exporting import write_csv, write_opml
from ingest.sources.lines import MAX_BYTES, MAX_LINES, Line, UnreadableList, read_list
from ingest.sources.opml import read_opml

OPML = b"""<?xml version="1.0"?><opml version="2.0"><head><title>Mine</title></head><body>
<outline text="News"><outline type="rss" text="A &lt;b&gt;" xmlUrl="https://a.example/f?x=1&amp;y=2" htmlUrl="https://a.example/"/>
<outline text="Europe"><outline type="rss" title="B" xmlUrl="https://b.example/feed"/></outline></outline>
<outline text="Only a name"/><outline type="rss" text="C" xmlUrl=""/>
<outline type="rss" text="D" htmlUrl="https://d.example/"/></body></opml>"""


@dataclass
class Kept:
    """What an export needs of a source."""

    url: str
    title: str = ""
    folder: str = ""
    site_url: str = ""


async def read(text: str | bytes) -> list[tuple[int, str, str, str]]:
    lines = await read_list(text.encode() if isinstance(text, str) else text)
    return [(line.number, line.url, line.title, line.folder) for line in lines]


async def test_one_address_a_line_with_remarks_and_what_is_none() -> None:
    assert await read("https://a.example/\n\n# mine\nnonsense\n https://b.example/x,y;z \n") == [
        (1, "https://a.example/", "", ""), (4, "nonsense", "", ""), (5, "https://b.example/x,y;z", "", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        'url,title,folder\nhttps://a.example/,"A, b",News\n',
        "#\nFolder;Name;Feed URL\nNews;A, b;https://a.example/\n",
        'https://a.example/,"A, b",News\n',
        '"A, b"\thttps://a.example/\tNews\n',
        "\ufeffurl;title;folder\r\nhttps://a.example/;A, b;News\r\n",
    ],
)
async def test_csv_with_a_header_or_without(text: str) -> None:
    assert [row[1:] for row in await read(text)] == [("https://a.example/", "A, b", "News")]


async def test_a_row_without_an_address_is_kept_with_what_it_says() -> None:
    assert await read("url,title,folder\n,A,News\nhttps://b.example/\n") == [
        (2, "", "A, News", "News"), (3, "https://b.example/", "", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
async def test_what_spreadsheets_write_is_understood(encoding: str) -> None:
    assert (await read("url,title\nhttps://a.example/,Zürich\n".encode(encoding)))[0][2] == "Zürich"


async def test_opml_keeps_folders_and_loses_nothing() -> None:
    assert await read(OPML) == [
        (1, "https://a.example/f?x=1&y=2", "A <b>", "News"),
        (2, "https://b.example/feed", "B", "News/Europe"),
        (3, "", "Only a name", ""), (4, "", "C", ""), (5, "", "D https://d.example/", ""),
    ]  # fmt: skip


def test_what_is_exported_is_imported_the_same() -> None:
    kept = [
        Kept("https://a.example/?x=1&y=2", 'A "quoted" <b>', "News/Europe", "https://a.example/"),
        Kept("https://b.example/", "", "News"),
        Kept("https://c.example/", "A\x0bB\ud800", "a//b"),
        Kept("https://d.example/"),
    ]
    read_back = {
        one["url"]: (one["title"], one["folder"]) for one in read_opml(write_opml(kept, title="T & U").encode())
    }
    assert read_back == {
        "https://a.example/?x=1&y=2": ('A "quoted" <b>', "News/Europe"),
        "https://b.example/": ("https://b.example/", "News"),
        "https://c.example/": ("AB", "a/b"),
        "https://d.example/": ("https://d.example/", ""),
    }


async def test_csv_that_is_exported_is_imported_the_same_and_is_no_formula() -> None:
    kept = [Kept("https://a.example/", 'A, "b"', "News"), Kept("https://b.example/", "=HYPERLINK(1)")]
    assert await read(write_csv(kept)) == [
        (2, "https://a.example/", 'A, "b"', "News"),
        (3, "https://b.example/", "'=HYPERLINK(1)", ""),
    ]


async def test_a_bomb_of_entities_does_not_grow() -> None:
    bomb = b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;">' % ((98 + n,) + (97 + n,) * 8) for n in range(20)
    )
    body = bomb + b']><opml><body><outline text="&u;" xmlUrl="https://a.example/"/></body></opml>'
    ((_, url, title, _folder),) = await read(body)
    assert url == "https://a.example/"
    assert len(title) < 300


@pytest.mark.parametrize(
    "body",
    [
        b'<opml><body><outline text="x" xmlUrl="https://a.example/">',
        b'<opml><body>' + b'<outline text="x">' * 5000 + b'<outline xmlUrl="https://a.example/"/>',
        b'\xef\xbb\xbf \n<OPML><BODY><OUTLINE TEXT="x" XMLURL="https://a.example/"/></BODY></OPML>',
        b'<!DOCTYPE opml SYSTEM "http://127.0.0.1:1/x.dtd"><opml><body><outline xmlUrl="https://a.example/"/></body></opml>',
        b'<opml><body><outline text="\x00" xmlUrl="https://a.example/"/></body></opml>',
    ],
)  # fmt: skip
async def test_opml_that_is_broken_or_hostile_gives_what_can_be_read(body: bytes) -> None:
    assert "https://a.example/" in [row[1] for row in await read(body)]


async def test_ten_thousand_lines_are_read_and_one_more_is_refused() -> None:
    body = b"<opml><body>%s</body></opml>"
    outline = b'<outline text="t" xmlUrl="https://a.example/%d"/>'
    lines = await read_list(body % b"".join(outline % n for n in range(MAX_LINES)))
    assert len(lines) == MAX_LINES
    with pytest.raises(UnreadableList, match="10,001 lines"):
        await read_list(b"https://a.example/\n" * (MAX_LINES + 1))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no address"), (b"\n# only a remark\n", "no address"),
        (b"<html><p>Hello</p></html>", "no feed in this file"),
        (b"<", "no feed in this file"), (b"x" * (MAX_BYTES + 1), "larger than 5 MB"),
        (b'url,title\nhttps://a.example/,"' + b"x" * 200_000, "CSV cannot be read"),
    ],
)  # fmt: skip
async def test_what_is_no_list_is_refused_with_a_reason(body: bytes, said: str) -> None:
    with pytest.raises(UnreadableList, match=said):
        await read_list(body)


def test_a_line_survives_being_kept_with_a_run() -> None:
    for line in (Line(number=1, url="https://a.example/", title="A", folder="F"), Line(number=2, url="")):
        assert Line.from_json(line.as_json()) == line
