"""What the rooms say of themselves, handed to the counters.

The counters are imported at the first word, not at start: the Prometheus client costs a tenth of a second, which a
command that counts nothing need not pay.
"""

from typing import Any

from live.limits import request_refused
from notifications.signals import delivery_moved, notification_told
from tasks.signals import attempt_started, run_enqueued, run_finished, ticket_taken, worker_started


def connect() -> None:
    """Listen. Once per process; twice is fine."""
    for signal, receiver in (
        (run_enqueued, _enqueued),
        (attempt_started, _started),
        (run_finished, _finished),
        (ticket_taken, _waited),
        (worker_started, _serve),
        (notification_told, _told),
        (delivery_moved, _delivered),
        (request_refused, _refused),
    ):
        signal.connect(receiver, dispatch_uid=f"metrics-{receiver.__name__}")


def _enqueued(run: Any, **kwargs: Any) -> None:
    from . import counters

    counters.enqueued(run)


def _started(run: Any, **kwargs: Any) -> None:
    from . import counters

    counters.started(run)


def _finished(run: Any, **kwargs: Any) -> None:
    from . import counters

    counters.finished(run)


def _waited(queue: str, seconds: float, **kwargs: Any) -> None:
    from . import counters

    counters.waited(queue, seconds)


def _told(type: str, **kwargs: Any) -> None:
    from . import counters

    counters.told(type=type)


def _delivered(channel: str, state: str, number: int, **kwargs: Any) -> None:
    from . import counters

    counters.delivered(channel, state, number)


def _refused(kind: str, **kwargs: Any) -> None:
    from . import counters

    counters.refused(kind)


def _serve(**kwargs: Any) -> None:
    from . import port

    port.open_if_wanted()
