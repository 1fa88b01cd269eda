"""What an endpoint says of an article. A language model may have been talked into anything by the page it read, so an
answer is a suggestion: two numbers, brought into 0..1, and a sentence, shortened, shown as plain text.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ingest.reading.text import clip

MAX_REASON = 200


class BadAnswer(Exception):
    """This is not what was asked for; the message says what is wrong with it, and quotes nothing of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """Two scores of 0..1 and the sentence behind the first."""

    relevance: float
    quality: float
    reason: str


def schema(language: str) -> dict[str, Any]:
    """What is asked for, with the reason in `language`, such as "German"."""
    return {
        "type": "object",
        "properties": {
            "relevance": {"type": "number", "description": "0 to 1: how much the article is about the topic"},
            "quality": {"type": "number", "description": "0 to 1: how complete and readable an article it is"},
            "reason": {"type": "string", "description": f"one short sentence in {language}: why this relevance"},
        },
        "required": ["relevance", "quality", "reason"],
        "additionalProperties": False,
    }


def read_answer(body: bytes) -> Opinion:
    """The opinion in the body of a chat completion. Raises BadAnswer."""
    answer = _json(body)
    try:
        content = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise BadAnswer(_("it is no chat completion")) from None
    if not isinstance(content, str) or not content.strip():
        raise BadAnswer(_("it says nothing"))
    said = _json(content)
    if not isinstance(said, dict):
        raise BadAnswer(_("it is not the object that was asked for"))
    reason = said.get("reason")
    return Opinion(
        relevance=_score(said, "relevance"),
        quality=_score(said, "quality"),
        reason=clip(reason, MAX_REASON) if isinstance(reason, str) else "",
    )


def _json(text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadAnswer(_("it is no JSON")) from None


def _score(said: dict[str, Any], name: str) -> float:
    value = said.get(name)
    # JSON has no NaN, Python's reader does; and True is a number to Python.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadAnswer(_("its %(name)s is no number") % {"name": name})
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isnan(number):
        raise BadAnswer(_("its %(name)s is no number") % {"name": name})
    return round(max(0.0, min(1.0, number)), 4)
