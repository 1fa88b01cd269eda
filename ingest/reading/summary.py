"""The first sentences of an article: they beat cleverer summaries of news by far."""

from collections.abc import Sequence

from .text import clip

SENTENCES = 2
MAX_CHARACTERS = 600


def summary(sentences: Sequence[str]) -> str:
    """The first two sentences that say something, at most 600 characters."""
    telling = [sentence for sentence in sentences[:12] if len(sentence.split()) >= 6]
    return clip(" ".join((telling or list(sentences))[:SENTENCES]), MAX_CHARACTERS)
