"""Which language a text is written in."""

import py3langid

# Enough to tell, and a bound on the cost for a book-length page.
_SAMPLE = 1_500
_MIN_LETTERS = 20


def language_of(text: str) -> str:
    """The text's language as two letters, such as "en"; "" when there is too little to tell from."""
    sample = text[:_SAMPLE]
    if sum(map(str.isalpha, sample[:400])) < _MIN_LETTERS:
        return ""
    return str(py3langid.classify(sample)[0])
