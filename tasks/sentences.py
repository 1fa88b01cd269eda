"""What the machinery notes in a run, in sentences: kept in English, and said in the language of whoever reads it.

A run is moved by whoever comes by: its worker, the reconciler, somebody who cancels it. None of them speaks for its
owner, and programs read the row as well. So the row holds these sentences as they stand here, and `said` translates
them where they are shown. What a function says itself is kept as the function said it.
"""

import re

from django.utils.translation import gettext, gettext_noop

CANCELLED_WAITING = gettext_noop("Cancelled before it started.")
CANCELLED_RUNNING = gettext_noop("Cancelled while it ran.")
CANCELLED_WITH_OTHERS = gettext_noop("With everything that matched a filter.")
WORKER_STOPPED = gettext_noop("Waiting: its worker was stopped.")
WORKER_LOST = gettext_noop("Waiting: its worker was lost.")
UNKNOWN_TASK = gettext_noop("Waiting for a worker that knows this task.")
LOST_FOR_GOOD = gettext_noop("Worker lost: the process that ran this ended without a word.")
FUNCTION_STOPPED = gettext_noop("The function was stopped.")
KILLED = gettext_noop(
    "The process of this run was ended by %(name)s: somebody killed it, or the machine was out of memory."
)
CRASHED = gettext_noop("The process of this run was ended by %(name)s: a library it used crashed.")
GAVE_UP = gettext_noop("The process of this run was ended by %(name)s: a library it used gave up.")
ENDED_BY_SIGNAL = gettext_noop("The process of this run was ended by %(name)s.")
ENDED_BY_ITSELF = gettext_noop(
    "The process of this run ended by itself (exit code %(code)s) before the function returned."
)
TIMED_OUT = gettext_noop("Timed out after %(duration)s.")
ATTEMPT_FAILED = gettext_noop("Attempt %(number)s failed: %(error)s")
RESULT_TOO_LARGE = gettext_noop("Result of %(size)s MB not kept: at most %(most)s MB is.")
ENOUGH_LINES = gettext_noop("A run keeps %(most)s lines; what comes after this one is dropped.")
ENOUGH_BATCHES = gettext_noop("A run keeps %(most)s batches; later ones are neither kept nor sent.")
LINES_DROPPED = gettext_noop("%(number)s more lines were dropped: a run keeps %(most)s.")
SCHEDULE_SKIPPED = gettext_noop("The schedule “%(name)s” was due meanwhile and was skipped: this run was still live.")

_PLAIN = frozenset({
    CANCELLED_WAITING, CANCELLED_RUNNING, CANCELLED_WITH_OTHERS, WORKER_STOPPED, WORKER_LOST, UNKNOWN_TASK,
    LOST_FOR_GOOD, FUNCTION_STOPPED,
})  # fmt: skip


def _pattern(sentence: str) -> re.Pattern[str]:
    """What fits `sentence` with anything in its places."""
    parts = re.split(r"%\((\w+)\)s", sentence)
    return re.compile(
        "".join(f"(?P<{part}>.*)" if place % 2 else re.escape(part) for place, part in enumerate(parts)), re.DOTALL
    )


# In this order: the more telling of two that fit comes first.
_WITH_PLACES = [
    (sentence, _pattern(sentence))
    for sentence in (
        KILLED, CRASHED, GAVE_UP, ENDED_BY_SIGNAL, ENDED_BY_ITSELF, TIMED_OUT, ATTEMPT_FAILED, RESULT_TOO_LARGE,
        ENOUGH_LINES, ENOUGH_BATCHES, LINES_DROPPED, SCHEDULE_SKIPPED,
    )
]  # fmt: skip


def said(text: str) -> str:
    """`text` as it is shown: in the active language if the machinery wrote it, else as it is."""
    if text in _PLAIN:
        return gettext(text)
    for sentence, pattern in _WITH_PLACES:
        if found := pattern.fullmatch(text):
            return gettext(sentence) % {name: said(part) for name, part in found.groupdict().items()}
    return text
