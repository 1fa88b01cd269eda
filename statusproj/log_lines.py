"""Log lines for machines: one JSON object a line, with the request and the run it belongs to. LOG_FORMAT=json."""

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any

from live import tracing
from tasks import correlation

LONGEST = (
    20_000  # characters of a message or a traceback; collectors cut lines in the middle, and then they are no JSON
)

# What every record has; the rest was given as `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """`at` (UTC), `level`, `logger`, `message`, `pid`; where there is one: request_id, run_id, trace_id, exception.

    What a call gives as `extra` stands beside them under its own name, but never in place of one of these.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line. What JSON cannot say is told as its text."""
        said: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage()[:LONGEST],
            "pid": os.getpid(),
        }
        if request := correlation.request_id():
            said["request_id"] = request
        if run := correlation.run_id():
            said["run_id"] = run
        if trace := tracing.trace_id():
            said["trace_id"] = trace
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)[-LONGEST:]
        if record.stack_info:
            said["stack"] = self.formatStack(record.stack_info)[-LONGEST:]
        extra = {key: value for key, value in vars(record).items() if key not in _OWN and key not in said}
        return json.dumps({**said, **extra}, default=_in_words, ensure_ascii=False)


def _in_words(value: object) -> str:
    try:
        return str(value)[:LONGEST]
    except Exception:
        return f"<{type(value).__name__} that cannot be shown>"
