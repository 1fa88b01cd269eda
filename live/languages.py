"""The languages that are spoken here: settings.LANGUAGES."""

from django.conf import settings


def is_spoken(language: str) -> bool:
    """Is it one of them?"""
    return any(language == code for code, _name in settings.LANGUAGES)


def spoken(language: str) -> str:
    """The language if it is one of them, else the site's."""
    return language if is_spoken(language) else settings.LANGUAGE_CODE
