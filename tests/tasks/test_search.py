"""Runs are found by their words: name, topic, task, arguments; never by a secret."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks import lifecycle
from tasks.models import TaskRun
from tasks.search import MAX_CHARACTERS, words_in, words_of
from tests.tasks.runs import make_run, make_run_in

pytestmark = pytest.mark.usefixtures("db")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
)


def found(text: str) -> list[str]:
    """The names of the runs that `text` finds."""
    return sorted(TaskRun.objects.matching(text).values_list("name", flat=True))


def words(*args: Any, **kwargs: Any) -> list[str]:
    """The words of a run with these arguments."""
    return words_of("", "", "", args, kwargs).split()


@pytest.mark.parametrize(
    "question",
    [
        "nightly", "NIGHTLY imp", "imp night", "Energy/Gas", "tests.tasks.functions.add", "https://example.com/x?page=2",
        "example.com", "feeds.py", "C:\\data\\in", "größe", "Grö", "ニュース", "123456", "1234", "12.5",
        "source_id", "source_id=123456", "2026-11-24", "deep", "0b0e5a0c-74d8-4a5a-9f3b-0f4f3f6c2a11", "ﬁle", "3e5abc",
    ],
)  # fmt: skip
def test_a_run_is_found_by_its_words_and_how_they_begin(owner: User, question: str) -> None:
    make_run(
        owner,
        name="Nightly import of file 3e5abcd",
        topic="energy/gas",
        args=["https://example.com/x?page=2", 12.5],
        kwargs={
            "source_id": 123456,
            "files": ["feeds.py", {"path": "C:\\data\\in"}],
            "note": {"very": ["deep", "Größe", "ニュース"]},
            "day": "2026-11-24",
            "parent": "0b0e5a0c-74d8-4a5a-9f3b-0f4f3f6c2a11",
        },
    )
    make_run(owner, name="Other", task="elsewhere.run")
    assert found(question) == ["Nightly import of file 3e5abcd"]


@pytest.mark.parametrize(
    "question",
    [
        "",
        " ",
        "***",
        "&|!():*'",
        "\0",
        "nightly nothing",
        "ightly",
        "' | 'zz':*",
        "\\",
        "nightly & !x",
        "'",
        "é" * 5000,
    ],
)
def test_a_question_that_fits_nothing_finds_nothing_and_breaks_nothing(owner: User, question: str) -> None:
    make_run(owner, name="Nightly import")
    assert found(question) == []


def test_signs_of_a_question_are_no_operators(owner: User) -> None:
    make_run(owner, name="Import oil")
    make_run(owner, name="Import gas")
    assert found("oil | gas") == []
    assert found("!oil") == ["Import oil"]


def test_a_run_is_found_by_its_id(owner: User) -> None:
    run = make_run(owner, name="This one")
    make_run(owner)
    for text in (str(run.pk), run.pk.hex, f" {str(run.pk).upper()} "):
        assert found(text) == ["This one"]


@pytest.mark.parametrize(
    "value",
    ["hunter2", ["hunter2"], {"inner": "hunter2"}, [{"inner": ["hunter2"]}]],
)
def test_no_run_is_found_by_a_value_under_a_secret_name(owner: User, value: Any) -> None:
    make_run(owner, name="Login", args=[], kwargs={"smtp_password": value, "deep": [{"ApiKey": value}], "user": "bob"})
    assert found("hunter2") == []
    assert found("bob smtp") == ["Login"]


def test_no_run_is_found_by_a_secret_inside_a_text(owner: User) -> None:
    url = "https://bob:hunter2@example.com/x?api_key=hunter2&page=2"
    make_run(
        owner, name=f"Fetch {url}", topic="token=hunter2", args=[f"Authorization: Bearer hunter2\n{url}"], kwargs={}
    )
    assert found("hunter2") == []
    # What one has copied finds it all the same.
    assert len(found(url)) == 1


def test_an_argument_by_position_is_judged_by_the_name_the_function_gives_it(owner: User) -> None:
    make_run(owner, task="tests.tasks.functions.sign_in", name="Sign in", args=["bob", "hunter2"], kwargs={})
    assert found("hunter2") == []
    assert found("bob") == ["Sign in"]


def test_names_of_secrets_can_be_added(owner: User) -> None:
    with override_settings(TASKS_REDACT=["^pin$"]):
        make_run(owner, name="Pay", args=[], kwargs={"pin": "4711", "shipping": "0815"})
    assert (found("4711"), found("0815")) == ([], ["Pay"])


def test_a_retry_is_found_like_its_first_run(owner: User) -> None:
    lifecycle.retry(make_run_in("failed", owner, name="Once", kwargs={"city": "Bremen"}))
    assert found("bremen") == ["Once", "Once"]


def test_words_are_few_however_much_there_is() -> None:
    many = words(["x" * 50_000, *(f"word{n}" for n in range(10_000))], more={"a" * 5000: list(range(100_000))})
    assert len(" ".join(many)) <= MAX_CHARACTERS
    assert len(set(many)) == len(many)
    assert "word5" in many
    deep: Any = "end"
    for _ in range(500):
        deep = {"in": deep}
    assert words(deep) == ["1", "in"]


def test_values_that_json_knows_not_are_words_too() -> None:
    key = uuid4()
    assert words(at=datetime(2026, 11, 24, tzinfo=UTC), key=key)[:5] == ["at", "2026", "11", "24", "00"]
    assert words_in(str(key)) == str(key).split("-")


@example("𝕬", None, None)
@given(st.text(max_size=50), json_values, json_values)
def test_every_run_has_words(name: str, value: Any, other: Any) -> None:
    text = words_of(name, name, "a.b", [value], {"k": other})
    assert text == " ".join(text.split()).lower() or not text.isascii()
    assert "\0" not in text


@settings(max_examples=60)
@given(
    st.lists(st.text(st.sampled_from("0123456789abexyzé_.-/:+ß ²Ⅷ٣ä"), min_size=1, max_size=12), min_size=1, max_size=4)
)
def test_every_beginning_of_every_word_finds_the_run(texts: list[str]) -> None:
    # Postgres cuts texts its own way: what it makes of a word and of its beginning must fit together.
    run = TaskRun.objects.create(id=UUID(int=1), task="t", name="n", search=words_of("", "", "", texts, {}))
    try:
        for word in {word for text in texts for word in words_in(text)}:
            for length in range(1, len(word) + 1):
                assert TaskRun.objects.matching(word[:length]).exists(), (word[:length], run.search)
    finally:
        run.delete()


def test_the_search_uses_the_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "task_search" in TaskRun.objects.matching("nightly imp").order_by().explain()
