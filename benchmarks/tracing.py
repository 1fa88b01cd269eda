"""What spans cost: enqueueing and running with and without OpenTelemetry, in turns. Prints a table.

The figures stand in docs/observability.md. `python -m benchmarks.tracing`, about a minute. With spans means: made, and
sent over HTTP to a collector that throws them away.
"""

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from typing import Any

from benchmarks.harness import scratch_database

ROUNDS = 4
RUNS = 200


def main() -> None:
    """Measure in turns, print the medians."""
    collector = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}"}
    samples: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
    with scratch_database() as url:
        for _ in range(ROUNDS):
            for name, variables in (("without", {}), ("with", endpoint)):
                environment = {**os.environ, "DATABASE_URL": url, **variables}
                command = [sys.executable, "-W", "ignore", "-m", "benchmarks.tracing", "measure"]
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                samples[name].append(json.loads(done.stdout.splitlines()[-1]))
    collector.shutdown()
    print("| | without | with | ratio |\n|---|---|---|---|")
    for what in samples["with"][0]:
        off, on = (median(one[what] for one in samples[name]) for name in ("without", "with"))
        print(f"| {what} | {off:.2f} ms | {on:.2f} ms | {on / off:.2f} |")


def measure() -> None:
    """One round in this process: print milliseconds for each."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")
    import django

    django.setup()
    from benchmarks.functions import nothing
    from live import tracing
    from tasks.background import BackgroundWorker
    from tasks.models import TaskRun

    nothing.enqueue()  # opens connections
    began = time.perf_counter()
    with tracing.span("the request"):
        for _ in range(RUNS):
            nothing.enqueue()
    enqueued = time.perf_counter() - began
    worker = BackgroundWorker()
    began = time.perf_counter()
    worker.start()
    while TaskRun.objects.live().exists():
        time.sleep(0.02)
    ran = time.perf_counter() - began
    worker.stop()
    print(json.dumps({"enqueue": enqueued / RUNS * 1000, "run": ran / RUNS * 1000}))


class _Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Nobody wants to know."""


if __name__ == "__main__":
    measure() if sys.argv[1:] == ["measure"] else main()
