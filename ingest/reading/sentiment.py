"""How a text feels, from −1 (bad) to 1 (good)."""

from collections.abc import Sequence
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

# The analyzer's cost grows faster than its input: sentence by sentence, and not all of them.
SENTENCES = 30
MAX_CHARACTERS = 600


def sentiment(sentences: Sequence[str], language: str) -> float | None:
    """The mean over the first 30 sentences; None when the text is not English: the word list is."""
    if language != "en" or not sentences:
        return None
    analyzer = _analyzer()
    moods = [analyzer.polarity_scores(sentence[:MAX_CHARACTERS])["compound"] for sentence in sentences[:SENTENCES]]
    return round(sum(moods) / len(moods), 4)


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()
