"""What the fork server loads before it makes the first child: a new child is then ready at once."""

from .fetching import feeds
from .reading import analysis
from .reading.language import language_of

language_of("A sentence is enough to load the model.")

__all__ = ["analysis", "feeds"]
