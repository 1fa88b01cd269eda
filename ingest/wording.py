"""Scores and days as people read them, in the language that is active."""

from datetime import date

from django.utils.formats import date_format, number_format
from django.utils.translation import pgettext


def score(value: float) -> str:
    """A score with two decimals: 0.62 in English, 0,62 in German."""
    return number_format(f"{value:.2f}")


def decimal(value: float) -> str:
    """A number with as many decimals as it has: 0.8, 1."""
    return number_format(f"{value:g}")


def short_day(day: date) -> str:
    """A day without its year: 3 Nov."""
    return date_format(day, pgettext("format of a day without its year", "j M"))


def full_day(day: date) -> str:
    """A day: 3 Nov 2026."""
    return date_format(day, pgettext("format of a day", "j M Y"))
