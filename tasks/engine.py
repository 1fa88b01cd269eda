"""Procrastinate's worker, made to outlive the database: an outage stops neither it nor the functions it runs.

As it comes, its heartbeat dies with the database, that stops the worker, and that stops every function under way. Here
each of its side tasks is kept going by itself (supervision.py), and a fetch that fails is simply tried again.
"""

import asyncio
import logging
from typing import Any

from procrastinate import utils
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker as ProcrastinateWorker

from .reconcile import Pulse
from .supervision import keep
from .tickets import EXECUTE
from .workers import Vitals

logger = logging.getLogger(__name__)

# A sign of life. Should somebody have deleted the worker's row, it is put back under the same number: the tickets that
# the worker holds, and every fetch, point to it.
BEAT = """
    INSERT INTO procrastinate_workers AS worker (id, last_heartbeat) OVERRIDING SYSTEM VALUE
    VALUES (%(worker_id)s, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET last_heartbeat = clock_timestamp()
    RETURNING last_heartbeat, xmax = 0 AS was_gone
"""
HOLD_AGAIN = """
    UPDATE procrastinate_jobs SET worker_id = %(worker_id)s
    WHERE id = ANY(%(held)s::bigint[]) AND status = 'doing' AND worker_id IS NULL
"""
# What is ours by the book and in nobody's hands: a fetch took it whose answer never arrived, or its run has ended and
# the ticket could not be deleted. The first go back in line, the others go.
GIVE_BACK = """
    WITH idle AS (
        SELECT job.id, job.task_name <> %(execute)s OR EXISTS (
            SELECT FROM background_tasks run
            WHERE run.id = (job.args->>'run_id')::uuid AND run.ticket = job.id AND run.status = 'pending'
        ) AS is_wanted
        FROM procrastinate_jobs job
        WHERE job.worker_id = %(worker_id)s AND job.status = 'doing' AND job.id <> ALL(%(held)s::bigint[])
    ), gone AS (
        DELETE FROM procrastinate_jobs WHERE id IN (SELECT id FROM idle WHERE NOT is_wanted)
    )
    UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL WHERE id IN (SELECT id FROM idle WHERE is_wanted)
"""


# Side tasks that go on while a worker that was told to stop waits for its runs.
UNTIL_THE_LAST_RUN = {"heartbeat", "cancel poll"}


class Forgotten(Exception):
    """The worker's own row was gone; it has been put back."""


class Engine(ProcrastinateWorker):
    """The engine's worker with side tasks that are kept going. `vitals` hears what had to be started again."""

    def __init__(self, *, vitals: Vitals, pulse: Pulse, **options: Any) -> None:
        super().__init__(**options)
        self._vitals = vitals
        self._pulse = pulse
        self._unsure = False  # a statement failed: we may hold tickets that we know nothing of

    async def _update_heartbeat(self) -> None:
        while True:
            async with asyncio.timeout(2 * self.update_heartbeat_interval + 1):
                await self._beat()
            await asyncio.sleep(self.update_heartbeat_interval)

    async def _beat(self) -> None:
        row = await self.app.connector.execute_query_one_async(BEAT, worker_id=self.worker_id)
        if row["was_gone"]:
            await self.app.connector.execute_query_async(HOLD_AGAIN, worker_id=self.worker_id, held=self._held())
            self._unsure = True
        self._pulse.beat(row["last_heartbeat"])
        if row["was_gone"]:
            raise Forgotten("the worker's row was gone and has been put back")

    async def _fetch_and_process_jobs(self) -> None:
        """Take what there is. That the database is away is no reason to stop: the poll tries again."""
        try:
            if self._unsure:
                await self._give_back()
            await super()._fetch_and_process_jobs()
        except (ConnectorException, OSError) as error:
            if not self._unsure:
                logger.warning("Cannot look for runs that wait (%r); trying again", error.__cause__ or error)
            self._unsure = True

    async def _poll_jobs_to_abort(self) -> None:
        while True:
            await asyncio.sleep(self.abort_job_polling_interval)
            if self._running_jobs:
                self._handle_abort_jobs_requested(await self.app.job_manager.list_jobs_to_abort_async())

    async def _persist_job_status(self, *said: Any, **also: Any) -> None:
        """Delete the ticket. Should that fail, it is done later: how the run ended is recorded already."""
        try:
            await super()._persist_job_status(*said, **also)
        except (ConnectorException, OSError) as error:
            logger.warning("A ticket could not be deleted (%r); trying again", error.__cause__ or error)
            self._unsure = True

    async def _give_back(self) -> None:
        await self.app.connector.execute_query_async(
            GIVE_BACK, worker_id=self.worker_id, held=self._held(), execute=EXECUTE
        )
        self._unsure = False

    def _held(self) -> list[int]:
        return [context.job.id for context in self._running_jobs.values() if context.job.id is not None]

    def _start_side_tasks(self) -> list[asyncio.Task[Any]]:
        parts = {
            "heartbeat": self._update_heartbeat,
            "periodic tasks": self._periodic_deferrer,
            "cancel poll": self._poll_jobs_to_abort,
            "listener": self._listen,
        }
        # Late signs of life cost other people's runs: their heartbeat is tried again at once.
        longest = {"heartbeat": {"longest": self.update_heartbeat_interval / 2}}
        return [
            asyncio.create_task(keep(name, work, self._vitals, **longest.get(name, {})), name=name)
            for name, work in parts.items()
        ]

    async def _shutdown(self, side_tasks: list[asyncio.Task[Any]]) -> None:
        """Wait for the runs under way, alive all the while: as it comes the engine falls silent first, and after eight
        seconds another worker takes runs that still have time to end. Who cancels one is heard as well.
        """
        lasting = [task for task in side_tasks if task.get_name() in UNTIL_THE_LAST_RUN]
        await utils.cancel_and_capture_errors([task for task in side_tasks if task not in lasting])
        if self._running_jobs:
            left = self.shutdown_graceful_timeout
            logger.info("Told to stop; what is under way (%s) has %s s to end", len(self._running_jobs), left)
            await asyncio.wait(self._running_jobs, timeout=left)
        if self._running_jobs:
            await self._abort_running_jobs()
        await super()._shutdown(lasting)

    async def _listen(self) -> None:
        await self.app.job_manager.listen_for_jobs(on_notification=self._handle_notification, queues=self.queues)
