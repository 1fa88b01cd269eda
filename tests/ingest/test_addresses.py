"""The lines that people paste and upload, whatever made them."""

import csv
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.addresses import MAX_URLS, read_file, read_text, read_urls
from ingest.duplicates.canonical import canonical_url

A, B, C = (f"https://news.example/{name}" for name in "abc")


def numbers(found: object) -> list[int]:
    return [bad.number for bad in found.bad]  # type: ignore[attr-defined]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_an_editor_counts_them(end: str) -> None:
    found = read_text(end.join([A, "", "# ours", "nonsense", "  ", B, "http://", ""]))
    assert found.urls == (A, B)
    assert numbers(found) == [4, 7]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_files_are_read_in_the_encodings_that_programs_write(encoding: str) -> None:
    text = f"Título;Link\r\nÑandú;{A}\r\nÜber;{B}\r\n"
    assert read_file(text.encode(encoding), "Liste.CSV").urls == (A, B)
    assert read_file(f"{A}\r\n{B}\r\n".encode(encoding), "list.txt").urls == (A, B)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.csv", f'title,URL,date\nOne,{A},1\n"Two, or\nthree",{B},2\n'),
        ("x.csv", f"One;{A}\nTwo;{B}\n"),  # no header: by what stands there
        ("x.csv", f'"url"\n{A}\n{B}\n'),
        ("x.tsv", f"a\tWeb address\n1\t{A}\n2\t{B}\n"),
        ("x.csv", f"a|b|href\n1|2|{A}\n1|2|{B}\n"),
        ("x.txt", f"title\tlink\nOne\t{A}\nTwo\t{B}\n"),  # copied from a spreadsheet
        ("x.txt", f"{A} {B}"),
        ("x.txt", f"{A}, {B},"),
        ("x.txt", f"<{A}>\n\u200b{B}\u00a0\n"),
        ("x.txt", f"\x00{A}\x00\n{B}\n"),
    ],
)
def test_the_addresses_of_a_table_are_found(name: str, text: str) -> None:
    found = read_file(text.encode(), name)
    assert (found.urls, found.bad) == ((A, B), ())
    assert name.endswith("v") or read_text(text).urls == (A, B)


def test_a_row_over_several_lines_has_the_number_of_its_first() -> None:
    found = read_file(f'title,url\n"one\ntwo",nonsense\nx,{A}\ny,worse\n'.encode(), "x.csv")
    assert found.urls == (A,)
    assert numbers(found) == [2, 5]


def test_signs_inside_an_address_part_nothing_where_there_is_one_column() -> None:
    address = "https://news.example/a,b;c|d"
    assert read_text(f"{address}\n{A}").urls == (address, A)
    assert read_file(f"url\n{address}\n{A}\n".encode(), "x.csv").urls == (address, A)


def test_one_page_under_two_spellings_counts_once() -> None:
    found = read_text("\n".join([A, f"{A}/", f"{A}#top", f"{A}?utm_source=x", A.replace("https", "HTTP"), B]))
    assert (found.urls, found.repeated) == ((A, B), 4)
    assert found.summary == "2 addresses to read, 4 repeated"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("www.news.example/a", "does not begin with http:// or https://"),
        ("ftp://news.example/a", "only http and https"),
        ("javascript:alert(1)", "does not begin"),
        ("https://me:secret@news.example/", "user name"),
        ("https://news.example:22/", "port 22"),
        ("https://news.example/a b", "spaces"),
        ("https://[::1", "not one we can open"),
        ("https://[::1]/", "private network"),
        ("http://127.0.0.1/", "private network"),
        ("http://169.254.169.254/latest", "private network"),
        ("http://localhost/", "private network"),
        ("https://news.example/" + "x" * 2000, "2,000 characters at most"),
        ("https:///a", "not one we can open"),
        ("https://news.example:99999/", "not one we can open"),
    ],
)
def test_what_cannot_be_used_says_why(text: str, words: str) -> None:
    [bad] = read_text(text).bad
    assert words in bad.reason
    assert bad.text == text[:2100]


def test_a_host_that_the_settings_allow_is_allowed() -> None:
    assert read_urls(["http://127.0.0.1:8123/a"], {"127.0.0.1:8123"}).urls == ("http://127.0.0.1:8123/a",)


def test_what_is_too_much_is_counted() -> None:
    found = read_text("\n".join(f"https://news.example/{number}" for number in range(MAX_URLS + 7)))
    assert (len(found.urls), found.too_many) == (MAX_URLS + 7, 7)


ADDRESS = st.from_regex(r"https?://[a-z]{1,8}\.example/[a-z0-9/_.,;=?&%-]{0,30}", fullmatch=True)
JUNK = st.text(max_size=60)


@settings(max_examples=150)
@given(st.binary(max_size=400), st.sampled_from(["", "x.txt", "x.csv", "x.tsv"]))
def test_no_file_breaks_it(body: bytes, name: str) -> None:
    found = read_file(body, name)
    assert not any("\x00" in url for url in found.urls)
    assert all(bad.number >= 1 and bad.reason for bad in found.bad)


@settings(max_examples=150)
@given(st.lists(st.one_of(ADDRESS, JUNK, st.sampled_from([A, "", "#", f"{A}\t{B}", '"', "url,x"]))))
def test_whatever_is_pasted_each_address_is_read_once_and_has_no_space(lines: list[str]) -> None:
    found = read_text("\n".join(lines))
    pages = [canonical_url(url) for url in found.urls]
    assert len(pages) == len(set(pages))
    assert all(
        url.startswith(("http://", "https://")) and len(url) <= 2000 and not set(url) & set(" \t\r\n\x00")
        for url in found.urls
    )
    assert numbers(found) == sorted(set(numbers(found))), "a line is named once, in order"
    assert read_text("\n".join(found.urls)).urls == found.urls, "what was found is found again"


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), ADDRESS), min_size=1
    ),
    st.sampled_from(",;\t|"),
)
def test_a_table_that_a_program_wrote_gives_back_its_addresses(rows: list[tuple[str, str]], delimiter: str) -> None:
    text = StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["title", "url"])
    writer.writerows(rows)
    found = read_file(text.getvalue().encode(), "x.csv")
    assert found.urls == read_urls(url for _, url in rows).urls
    assert found.bad == ()
