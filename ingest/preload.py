"""What the fork server loads before it makes the first child: a new child is then ready at once."""

from . import analysis, feeds
from .language import language_of

language_of("A sentence is enough to load the model.")

__all__ = ["analysis", "feeds"]
