"""`manage.py worker`: a worker by itself, as many and on as many machines as you like."""

import asyncio
import signal
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tasks.signals import worker_started
from tasks.worker import Worker


class Command(BaseCommand):
    """Executes runs until SIGTERM or Ctrl-C, then lets them end within the grace period."""

    help = "Execute runs until stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        """How many at once, which queues, how long to wait at the end."""
        parser.add_argument("--concurrency", type=int, help="runs at once (default: TASKS_MAX_CONCURRENT)")
        parser.add_argument("--queue", action="append", dest="queues", help="only this queue; may be given again")
        parser.add_argument("--grace", type=float, help="seconds for runs to end (default: TASKS_GRACE_PERIOD)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the worker on a loop of its own."""
        asyncio.run(self._run(options))

    async def _run(self, options: dict[str, Any]) -> None:
        grace = None if options["grace"] is None else timedelta(seconds=options["grace"])
        worker = Worker(concurrency=options["concurrency"], queues=options["queues"], grace=grace)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        self.stdout.write(f"Worker {worker.name} takes {worker.concurrency} runs at a time (Ctrl-C stops)")
        worker_started.send_robust(sender=Worker)
        await worker.run()
