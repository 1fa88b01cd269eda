"""What a task's module says with the standard `logging` while the function runs becomes log lines of its run.

Heard are the logger named as the function's module and the loggers below it, from INFO on unless their own level says
otherwise. Which run a line belongs to is a context variable: it follows coroutines, `asyncio.to_thread` and
`sync_to_async`, not threads that a function starts by itself. An isolated child has one run, and hears all its threads.
"""

import logging
import threading
from contextvars import ContextVar

from .reporting import Reporter
from .text import fit

_current: ContextVar[Reporter | None] = ContextVar("run_that_logs", default=None)
_of_process: Reporter | None = None
_lock = threading.Lock()


def hear(module: str, reporter: Reporter, *, whole_process: bool = False) -> None:
    """From now on, in this context, what loggers of `module` say goes to `reporter`."""
    global _of_process
    _listen_to(logging.getLogger(module))
    if whole_process:
        _of_process = reporter
    else:
        _current.set(reporter)


class RunHandler(logging.Handler):
    """Hands a record to the run of the current context; passes it on to those above as if they were asked directly."""

    def __init__(self, logger: logging.Logger, *, stands_in: bool) -> None:
        super().__init__()
        self._logger = logger
        # A logger without a level of its own would hear of warnings only, where the project logs warnings only. It is
        # opened for INFO, and this handler keeps from those above what they would not have been given.
        self._stands_in = stands_in

    def handle(self, record: logging.LogRecord) -> bool:
        """Never raises, whatever the arguments of the log call are."""
        if self._stands_in:
            above = self._logger.parent
            if above is not None and record.levelno >= above.getEffectiveLevel():
                above.callHandlers(record)
        reporter = _current.get() or _of_process
        if reporter is not None:
            try:
                reporter.add_line(_words(record), level=_level(record.levelno))
            except Exception:
                self.handleError(record)
        return True


def _listen_to(logger: logging.Logger) -> None:
    with _lock:
        if any(isinstance(handler, RunHandler) for handler in logger.handlers):
            return
        stands_in = logger.level == logging.NOTSET and logger.propagate
        logger.addHandler(RunHandler(logger, stands_in=stands_in))
        if stands_in:
            logger.propagate = False
            logger.setLevel(logging.INFO)


def _words(record: logging.LogRecord) -> str:
    words = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        words = f"{fit(words, 20_000)} ({type(error).__name__}: {error})"
    return words


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"
