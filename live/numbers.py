"""Numbers as people read them, in the language that is active: 12,345 in English, 12.345 in German."""

from django.utils.formats import number_format


def grouped(number: float) -> str:
    """A whole number with its thousands set apart; what follows a decimal point is not shown."""
    return number_format(int(number), force_grouping=True)
