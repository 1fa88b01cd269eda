"""Numbers as people read them."""

import pytest
from django.utils import translation

from live.numbers import grouped


@pytest.mark.parametrize(
    ("language", "written"),
    [("en", "1,234,567"), ("de", "1.234.567"), ("es", "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567")],
)
def test_thousands_are_set_apart_as_the_language_does(language: str, written: str) -> None:
    with translation.override(language):
        assert grouped(1_234_567) == written
        assert grouped(12) == "12"
