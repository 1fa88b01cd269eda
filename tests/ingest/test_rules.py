"""The rules of a topic: as they are typed, stored and shown."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from ingest.models import Keyword, Topic
from ingest.reading.relevance import Rules, Term
from ingest.rules import BadKeyword, checked, keywords_of, read_line, read_lines, rules_of, save_keywords, write_line

type ClientOf = Callable[[User], Client]


@pytest.mark.parametrize(
    ("line", "term"),
    [
        (" heat   pump ", Term(phrase="heat pump")),
        ("title: tariff", Term(phrase="tariff", field="title")),
        ("TEXT:tariff", Term(phrase="tariff", field="body")),
        ("author: Jane Doe", Term(phrase="Jane Doe", field="author")),
        ("site: news.example", Term(phrase="news.example", field="site")),
        ("any: title: x", Term(phrase="title: x")),
        ("drive C: full", Term(phrase="drive C: full")),
        ("“heat pumps”", Term(phrase='"heat pumps"')),
        ('title: "heat pumps"', Term(phrase='"heat pumps"', field="title")),
        ("热泵", Term(phrase="热泵")),
    ],
)
def test_a_line_is_a_keyword_and_where_to_look_for_it(line: str, term: Term) -> None:
    assert read_line(line) == term


@pytest.mark.parametrize(
    ("line", "said"), [("...", "letters or digits"), ('title: ""', "letters"), ("x" * 101, "long")]
)
def test_a_line_that_cannot_be_looked_for_is_refused_with_a_reason(line: str, said: str) -> None:
    with pytest.raises(BadKeyword, match=said):
        read_line(line)


@given(
    st.builds(
        Term,
        phrase=st.text(min_size=1, max_size=60).map(lambda text: " ".join(text.replace("\0", "").split())),
        field=st.sampled_from(["any", "title", "body", "author", "site"]),
    )
)
def test_what_is_written_is_read_as_the_same_keyword(term: Term) -> None:
    try:
        checked(term)
    except BadKeyword:
        return
    once = read_line(write_line(term))
    assert read_line(write_line(once)) == once
    assert once.field == term.field


def test_a_minus_keeps_out_and_what_is_said_twice_counts_once() -> None:
    found = read_lines(["heat pump", "Heat Pump", "- sponsored", "", "title: heat pump"], ["-promo", "promo"])
    assert [*map(write_line, found.include)] == ["heat pump", "title: heat pump"]
    assert [*map(write_line, found.exclude)] == ["sponsored", "promo"]


def test_nothing_is_wanted_and_unwanted_at_once() -> None:
    with pytest.raises(BadKeyword, match="at once"):
        read_lines(["tariff"], ["Tariff"])
    read_lines(["tariff"], ["title: tariff"])


def test_the_same_rules_have_the_same_stamp_and_others_another() -> None:
    rules = Rules(include=("a", Term(phrase="b", field="title")), exclude=("c",))
    same = Rules(include=(Term(phrase="b", field="title"), Term(phrase="a")), exclude=("c",))
    assert rules.stamp == same.stamp
    others = [
        Rules(include=("a", "b"), exclude=("c",)),
        Rules(include=rules.include),
        Rules(include=rules.include, exclude=("c",), language="en"),
        Rules(include=rules.include, exclude=("c",), relevance_threshold=0.41),
        Rules(include=rules.include, exclude=("c",), quality_threshold=0.51),
    ]
    assert len({rules.stamp, *(one.stamp for one in others)}) == 6


@pytest.mark.django_db
def test_saving_keeps_the_rows_that_stay(topic: Topic) -> None:
    before = {one.phrase: one.pk for one in topic.keywords.all()}
    save_keywords(topic, read_lines(["heat pump", "author: Jane Doe", "sponsored"], ["insulation"]))
    after = {one.phrase: one for one in topic.keywords.all()}
    assert {phrase: one.kind for phrase, one in after.items()} == {
        "heat pump": "include", "Jane Doe": "include", "sponsored": "include", "insulation": "exclude"
    }  # fmt: skip
    assert after["heat pump"].pk == before["heat pump"]
    assert after["Jane Doe"].field == Keyword.Field.AUTHOR
    topic.refresh_from_db()
    assert rules_of(topic).include == keywords_of(topic).include


TYPED = {"include": "heat pump\ntitle: tariff", "exclude": "promo", "language": "de",
         "relevance_threshold": "0.3", "quality_threshold": "0.6"}  # fmt: skip


@pytest.mark.django_db
def test_rules_are_changed_on_their_page(client_of: ClientOf, owner: User, topic: Topic) -> None:
    client, page = client_of(owner), reverse("topic-rules", args=[topic.pk])
    assert client.post(page, TYPED).headers["Location"] == page
    topic.refresh_from_db()
    rules = rules_of(topic)
    assert rules == Rules(
        include=(Term(phrase="heat pump"), Term(phrase="tariff", field="title")), exclude=(Term(phrase="promo"),),
        language="de", relevance_threshold=0.3, quality_threshold=0.6,
    )  # fmt: skip
    shown = client.get(page).content.decode()
    assert "heat pump\ntitle: tariff</textarea>" in shown
    assert "title: tariff" in client.get(topic.get_absolute_url()).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"include": "..."}, "letters or digits"),
        ({"exclude": "heat pump"}, "at once"),
        ({"language": "english"}, "two letters"),
        ({"relevance_threshold": "2"}, "less than or equal to 1"),
        ({"quality_threshold": "nan"}, "Enter a number"),
        ({"include": "\n".join(f"word{n}" for n in range(501))}, "at most 500"),
    ],
)
def test_rules_that_make_no_sense_change_nothing_and_say_why(
    client_of: ClientOf, owner: User, topic: Topic, wrong: dict[str, str], said: str
) -> None:
    before = rules_of(topic)
    response = client_of(owner).post(reverse("topic-rules", args=[topic.pk]), TYPED | wrong)
    assert response.status_code == 422
    assert said in response.content.decode()
    topic.refresh_from_db()
    assert rules_of(topic) == before
