"""What the processes said: an error that is not one of an outage is a finding."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

# By the exception's class. What an outage looks like from inside; anything else with a traceback is a finding.
OF_OUTAGES = re.compile(
    r"^(?:[\w.]+\.)?(?:OperationalError|InterfaceError|ConnectorException|PoolTimeout|AdminShutdown|CannotConnectNow"
    r"|CrashShutdown|ConnectionError|Connection\w*Error|TimeoutError|BrokenPipeError|CancelledError"
    r"|IdleInTransactionSessionTimeout|Forgotten|PoolClosed)\b",
)
# channels_redis subscribes and receives over one connection; when that is made anew both may read at once. It says so,
# waits a second and goes on. That it does go on is checked: news flow again in the end.
OF_LIBRARIES = re.compile(r"RuntimeError: readuntil\(\) called while another coroutine is already waiting")
# Django's own lines, for each task that failed (ours are asked to) and for each answer of 503.
OF_DJANGO = re.compile(r"^django\.(?:tasks: Task |request: Service Unavailable)")
MOST_SHOWN = 600  # characters of one finding
# Lines that are no records: what a command says when it starts, and the last words of one that hangs.
HARMLESS = re.compile(
    r"^$|^Serving at|^Worker \S+ takes"
    r"|Fatal Python error|Current thread|Thread 0x|^  File |^Timeout|^Stack \(most recent"
)


class Finding(NamedTuple):
    """A line of a log that nobody expected."""

    log: str
    text: str


def findings(logs: Iterable[Path]) -> tuple[list[Finding], Counter[str]]:
    """What nobody expected, and how often each kind of warning and error was said."""
    found: list[Finding] = []
    said: Counter[str] = Counter()
    for log in logs:
        for line in log.read_text(errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            if not isinstance(record, dict):
                if not HARMLESS.search(line):
                    found.append(Finding(log.name, line[:MOST_SHOWN]))
                continue
            if record["level"] in {"ERROR", "CRITICAL"} or "exception" in record:
                kind = _class_of(record)
                said[f"{record['level']} {record['logger']}: {kind or record['message'].split()[0]}"] += 1
                if OF_DJANGO.match(f"{record['logger']}: {record['message']}") or OF_LIBRARIES.search(
                    record.get("exception", "")
                ):
                    continue
                if kind is None or not OF_OUTAGES.match(kind):
                    found.append(Finding(log.name, _short(record)))
    return found, said


def _class_of(record: dict[str, str]) -> str | None:
    """The class of its exception; the last one named is what was raised."""
    lines = [line for line in record.get("exception", "").splitlines() if re.match(r"^[A-Za-z_][\w.]*(?::|$)", line)]
    return lines[-1].split(":")[0] if lines else None


def _short(record: dict[str, str]) -> str:
    text = f"{record['at']} {record['level']} {record['logger']}: {record['message']}"
    return f"{text[:MOST_SHOWN]}\n{record.get('exception', '')[-2 * MOST_SHOWN :]}".rstrip()
