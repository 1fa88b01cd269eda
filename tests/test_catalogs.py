"""The catalogs of messages: complete, with the placeholders of their messages, one word for one thing, and compiled."""

import re

from tools.messages import ROOMS, complaints, load

SENTENCE = re.compile(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}")


def test_every_message_is_there_in_every_language() -> None:
    assert list(complaints()) == []


def test_german_and_spanish_are_not_english_in_disguise() -> None:
    """Names, numbers and a few words are the same in two languages; a sentence is not."""
    for language in ("de", "es"):
        same = [
            message.id
            for room in ROOMS
            for message in load(room, language)
            if message.id == message.string and SENTENCE.search(str(message.id))
        ]
        assert same == []
