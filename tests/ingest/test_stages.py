"""The stages that judge a text: relevance, quality, duplicates, language, summary, sentiment."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trafilatura.deduplication import Simhash

from ingest.demo_site.articles import story
from ingest.duplicates.canonical import canonical_url, is_same_site
from ingest.duplicates.dedupe import Known, Seen, Twin, distance
from ingest.duplicates.fingerprints import fingerprint, simhash
from ingest.reading.language import language_of
from ingest.reading.quality import quality
from ingest.reading.relevance import Relevance, Rules, Term, mentions, relevance
from ingest.reading.sentiment import sentiment
from ingest.reading.summary import summary
from ingest.reading.text import sentences, words

HEAT = Rules(include=("heat pump", "tariff"), exclude=("sponsored",))
FILLER = "The council met on Tuesday and spoke about the budget, the weather and the new school. " * 8


def rate(text: str, title: str = "", rules: Rules = HEAT, language: str = "en") -> Relevance:
    return relevance(title=title, text=text, language=language, rules=rules)


def test_no_keyword_no_relevance() -> None:
    assert rate(FILLER) == Relevance(score=0.0, matches=(), reason="none of the keywords")


def test_inflected_forms_count_and_the_reason_says_how_often() -> None:
    found = rate(f"{FILLER} Heat pumps and tariffs. The heat pump of today.", title="Heat pumps")
    assert found.reason == "3 × heat pump, 1 × tariff"
    assert found.score > 0.4


def test_words_of_a_phrase_must_stand_together() -> None:
    assert rate("The pump lost heat, and heat needs a pump to move.").score == 0


def test_title_counts_more_than_lead_and_lead_more_than_body() -> None:
    late = rate(FILLER + " heat pump.").score
    early = rate("heat pump. " + FILLER).score
    headline = rate(FILLER, title="heat pump").score
    assert 0 < late < early < headline < 1


def test_a_longer_text_needs_more() -> None:
    assert rate(FILLER + "heat pump").score > rate(FILLER * 4 + "heat pump").score


def test_more_keywords_never_lower_the_score() -> None:
    text = FILLER + "heat pump heat pump"
    assert rate(text + " tariff").score > rate(text + " market").score


def test_an_excluded_word_in_title_or_lead_is_fatal_but_not_far_below() -> None:
    assert rate("heat pump", title="Sponsored: heat pump").score == 0
    assert rate("sponsored heat pump").reason == "contains the excluded “sponsored”"
    assert rate("heat pump " + FILLER + " sponsored").score > 0


def test_another_language_than_the_topic_reads_is_not_relevant() -> None:
    german = rate("heat pump", rules=replace(HEAT, language="en"), language="de")
    assert (german.score, german.reason) == (0.0, "written in “de”, not “en”")


@given(st.text(max_size=300), st.text(max_size=50), st.lists(st.text(min_size=1, max_size=12), max_size=4))
def test_scores_stay_between_0_and_1_whatever_the_text(text: str, title: str, phrases: list[str]) -> None:
    assert 0 <= rate(text, title, Rules(include=tuple(phrases))).score <= 1
    assert 0 <= assess(text).score <= 1


def assess(text: str, **extra: object):  # type: ignore[no-untyped-def]
    meta = {"title": "T", "author": "A", "site": "S", "has_date": True} | extra
    return quality(text=text, sentences=sentences(text), **meta)  # type: ignore[arg-type]


ARTICLE = "\n".join(story("energy", "heat-pump", 5, "article").paragraphs)  # type: ignore[arg-type]


def test_an_article_is_good() -> None:
    assert assess(ARTICLE).score >= 0.9


def test_missing_metadata_costs_little() -> None:
    bare = assess(ARTICLE, title="", author="", site="", has_date=False).score
    assert 0.8 <= bare < assess(ARTICLE).score


def test_a_teaser_is_too_short() -> None:
    teaser = assess(" ".join(ARTICLE.split()[:40]) + ".")
    assert teaser.score < 0.5
    assert "too short" in teaser.reason


@pytest.mark.parametrize(
    "wall",
    [
        "Subscribe to continue reading.", "Please enable JavaScript.", "We use cookies. Accept all cookies",
        "JavaScript must be enabled.", "Please disable your adblocker.", "For subscribers.", "Log in to read.",
        "SIGN IN TO CONTINUE", "Create a free account to go on.", "Register to read.",
        "You have reached your article limit.", "This content is only available to members.",
        "Manage your privacy settings", "Manage cookie preferences", "Verify that you are a human.",
        "Verify you are human.", "Checking your browser…", "Access denied", "Page was not found",
    ],
)  # fmt: skip
def test_walls_are_capped(wall: str) -> None:
    found = assess(" ".join(ARTICLE.split()[:100]) + ".\n" + wall)
    assert found.score <= 0.30
    assert found.capped_by == "wall"


def test_an_article_that_mentions_cookies_is_no_wall() -> None:
    assert assess(ARTICLE + "\nCritics say that we use cookies too freely.").score > 0.5


def test_a_list_of_links_is_capped() -> None:
    lines = [f"read more about subject number {number} here" for number in range(60)]
    found = assess("\n".join(lines), anchors=frozenset(lines))
    assert found.score <= 0.35
    assert found.capped_by == "links"


def test_repeated_lines_and_filler_are_poor_prose() -> None:
    assert assess("Buy now and save money today, dear friend.\n" * 40).prose < 0.3
    assert assess(ARTICLE + "\nLorem ipsum dolor sit amet.").prose < assess(ARTICLE).prose


def test_near_copies_are_found_and_other_stories_are_not() -> None:
    other = "\n".join(story("energy", "heat-pump", 45, "article").paragraphs)  # type: ignore[arg-type]
    seen = Seen([Known(id=7, simhash=fingerprint(ARTICLE))])
    twin = seen.twin_of(fingerprint(ARTICLE + " One more sentence at the end of it."))
    assert twin is not None
    assert (twin.id, twin.by) == (7, "text")
    assert seen.twin_of(fingerprint(other)) is None


@given(st.text(max_size=400) | st.lists(st.sampled_from(ARTICLE.split()), max_size=300).map(" ".join))
def test_our_simhash_is_trafilatura_s(text: str) -> None:
    assert simhash(text) == Simhash(text).hash


def test_a_run_sees_its_own_articles() -> None:
    seen = Seen()
    assert seen.twin_of(fingerprint(ARTICLE)) is None
    seen.add(Known(id=1, simhash=fingerprint(ARTICLE)))
    assert seen.twin_of(fingerprint(ARTICLE)) == Twin(id=1, by="text", distance=0)


def test_short_texts_have_no_fingerprint_and_no_twin() -> None:
    assert fingerprint("too short to tell") is None
    assert Seen([Known(id=1, simhash=5)]).twin_of(None) is None


def test_the_nearest_of_several_is_the_twin() -> None:
    seen = Seen([Known(id=1, simhash=0b1111), Known(id=2, simhash=0b1), Known(id=3, simhash=-1)])
    assert seen.twin_of(0) == Twin(id=2, by="text", distance=1)
    assert seen.twin_of(-2) == Twin(id=3, by="text", distance=1)


PAGE = "https://news.example/story"


@pytest.mark.parametrize(
    ("bits", "claims", "expected"),
    [
        (15, [PAGE], Twin(id=1, by="address", distance=15)),  # the page as it was rewritten later
        (15, [], None),
        (15, ["https://news.example/other"], None),
        (30, [PAGE], None),  # another text: the claim is a mistake, or a lie
    ],
)
def test_an_address_makes_a_duplicate_of_a_text_that_may_be_the_same(
    bits: int, claims: list[str], expected: Twin | None
) -> None:
    seen = Seen([Known(id=1, simhash=0, addresses=[PAGE])])
    assert seen.twin_of((1 << bits) - 1, claims) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://www.news.example/a", "https://news.example/b", True),
        ("https://m.news.example/a", "https://www.news.example/a", True),
        ("https://amp.news.example/a", "https://news.example/a", True),
        ("https://edition.news.example/a", "https://news.example/a", True),
        ("https://one.pages.example/a", "https://two.pages.example/a", False),
        ("https://evilnews.example/a", "https://news.example/a", False),
        ("https://news.example:8443/a", "https://news.example/a", False),
        ("https://www.com/a", "https://bank.com/a", False),
        ("", "https://news.example/a", False),
    ],
)
def test_a_site_is_its_host_and_what_lies_within_it(one: str, other: str, same: bool) -> None:
    assert is_same_site(one, other) is is_same_site(other, one) is same


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_distance_is_that_of_the_64_bits(first: int, second: int) -> None:
    assert distance(first, second) == f"{(first % 2**64) ^ (second % 2**64):b}".count("1")


def test_languages_are_told_apart() -> None:
    german = "\n".join(story("energy", "heat-pump", 5, "german").paragraphs)  # type: ignore[arg-type]
    assert (language_of(ARTICLE), language_of(german), language_of("ok 1 2")) == ("en", "de", "")


def test_the_summary_is_the_first_two_sentences_that_say_something() -> None:
    telling = "The town of Dunhaven has bought a heat pump. It cost 5,000 crowns, says Mr. Voss."
    assert summary(sentences(f"Photo: archive.\n{telling} It hums.")) == telling
    assert summary([]) == ""


def test_sentiment_is_for_english_alone() -> None:
    assert (sentiment(["A wonderful success, everyone is happy."], "en") or 0) > 0.5
    assert (sentiment(["A terrible disaster killed many people."], "en") or 0) < -0.5
    assert sentiment(["Ein schöner Tag."], "de") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://Example.org:80/a/?utm_source=x&b=1#top", "https://example.org/a?b=1"),
        ("https://example.org", "https://example.org/"),
        ("https://example.org./x", "https://example.org/x"),
        ("https://example.org/a b", "https://example.org/a%20b"),
        ("https://example.org/x?fbclid=1&gclid=2", "https://example.org/x"),
    ],
)
def test_addresses_of_one_page_are_one(one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/a?id=1", "https://example.org/a?id=2"),
        ("https://example.org/A", "https://example.org/a"),
        ("https://example.org:8443/", "https://example.org/"),
        ("https://a.example.org/", "https://b.example.org/"),
    ],
)
def test_addresses_of_two_pages_are_two(one: str, other: str) -> None:
    assert canonical_url(one) != canonical_url(other)


@pytest.mark.parametrize(
    "url", ["", "mailto:a@b", "ftp://example.org/", "https://", "http://[::1", "http://a:99999999/"]
)
def test_what_is_no_web_address_has_no_canonical_form(url: str) -> None:
    with pytest.raises(ValueError):
        canonical_url(url)


@given(st.text(max_size=200))
def test_words_are_lower_case_and_not_empty(text: str) -> None:
    assert all(word and word == word.lower() for word in words(text))


def test_a_keyword_of_one_field_is_looked_for_there_alone_and_the_reason_says_so() -> None:
    text, title = FILLER + " A tariff by Jane Doe.", "A tariff and a tariff"
    assert rate(text, title, only("title", "tariff")).reason == "2 × tariff in the title"
    assert rate(text, title, only("body", "tariff")).reason == "1 × tariff in the text"
    assert rate(text, "", only("title", "tariff")).score == 0
    assert rate("", title, only("body", "tariff")).score == 0
    assert rate(text, title, only("author", "Jane Doe")).score == 0


def only(field: str, phrase: str) -> Rules:
    return Rules(include=(Term(phrase=phrase, field=field),))  # type: ignore[arg-type]


def by_name(rules: Rules, author: str = "Jane Doe", text: str = FILLER) -> Relevance:
    sites = ("The Daily Post", "news.example.com")
    return relevance(title="", text=text, language="en", author=author, sites=sites, rules=rules)


def test_an_author_or_a_site_is_enough_however_long_the_text() -> None:
    assert by_name(only("author", "jane doe")).reason == "1 × jane doe in the author’s name"
    for phrase in ("daily post", "example.com", "news.example.com"):
        assert by_name(only("site", phrase), text=FILLER * 9).score == by_name(only("site", phrase)).score > 0.4
    assert by_name(only("site", "post news")).score == 0, "two names side by side are not one"
    assert by_name(only("author", "Doe Jane")).score == 0


def test_an_excluded_keyword_counts_in_its_field() -> None:
    def out(field: str, phrase: str) -> Rules:
        return Rules(include=("council",), exclude=(Term(phrase=phrase, field=field),))  # type: ignore[arg-type]

    assert by_name(out("author", "Jane Doe")).reason == "contains the excluded “Jane Doe” in the author’s name"
    assert by_name(out("title", "Jane Doe")).score > 0
    late = FILLER * 2 + " sponsored"
    assert by_name(out("any", "sponsored"), text=late).score > 0
    assert by_name(out("body", "sponsored"), text=late).score == 0


def test_a_keyword_in_quotes_is_looked_for_as_it_is_written() -> None:
    text = FILLER + " Heat pumps and HEAT PUMP."
    assert rate(text, rules=Rules(include=("heat pump",))).matches[0].count == 2
    assert rate(text, rules=Rules(include=('"heat pump"',))).reason == '1 × "heat pump"'
    assert rate(text, rules=Rules(include=('"heat pumping"',))).score == 0


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("德国的新型热泵市场增长很快。", "热泵"),
        ("家庭用ヒートポンプの販売が伸びた。", "ヒートポンプ"),
        ("정부는 히트펌프를 지원한다.", "히트펌프"),
        ("ผู้คนใช้ปั๊มความร้อนที่บ้าน", "ปั๊มความร้อน"),
        ("最新的AI热泵技术", "AI热泵"),
        ("Тепловые насосы и тепловых насосов", "тепловые насосы"),
    ],
)
def test_keywords_are_found_in_scripts_that_do_not_part_their_words(text: str, phrase: str) -> None:
    for language in (language_of(text), "", "en"):
        assert rate(text, rules=Rules(include=(phrase,)), language=language).score > 0
        assert rate(text, rules=Rules(include=(f'"{phrase}"',)), language=language).score > 0
    assert rate(text, rules=Rules(include=("核能",))).score == 0


def test_an_alert_phrase_is_mentioned_in_title_or_text() -> None:
    assert mentions("heat pump", title="", text="Two heat pumps.", language="en")
    assert mentions("heat pump", title="Heat pumps", text="", language="en")
    assert not mentions('"heat pump"', title="Heat pumps", text="", language="en")
