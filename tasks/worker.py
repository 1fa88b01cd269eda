"""The worker: fetches tickets through Procrastinate and executes their runs, in whatever event loop it is started.

Supervised: each part of it that ends is started again, with back-off, and the worker's row says so (workers.py). The
engine is one of them; its own side tasks are others, and outlive a database that is away (engine.py).
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import Error as DatabaseError
from procrastinate import JobContext, PsycopgConnector
from procrastinate.connector import BaseConnector
from procrastinate.contrib.django import app as engine
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import AbortReason
from procrastinate.jobs import Job
from procrastinate.jobs import Status as TicketStatus
from procrastinate.manager import JobManager
from psycopg import AsyncConnection

from live.publishing import use_loop
from notifications import upkeep

from .cleanup import cleanup_old_tasks
from .clocks import keep_calling
from .conf import conf
from .db import in_thread
from .engine import Engine
from .execution import Execution, Stop
from .lanes import CANDIDATES, FETCH
from .queues import MAINTENANCE_QUEUE
from .reconcile import HEARTBEAT, Pulse, keep_reconciling, worker_name
from .schedules import keep_firing
from .sentences import UNKNOWN_TASK
from .signals import ticket_taken
from .supervision import Backoff, keep, say_ended
from .tickets import EXECUTE
from .unknown import PUT_BACK, SAY_WHY, Unknown
from .workers import Vitals, forget, stopped

logger = logging.getLogger(__name__)

GOODBYE = 2.0  # seconds for the worker's last word about itself
POLL = 1.0  # seconds: when `run_after` passes nobody sends a notification, so somebody has to look
RECONNECT = (
    2.0  # seconds a pool tries again by itself, longer and longer; whoever needs a connection then tries at once
)
PRUNE_AFTER = 3600.0  # seconds; the rows of dead workers are told by their age, not by being gone


class Worker:
    """Executes runs until told to stop. One per process; `run()` is its life."""

    def __init__(
        self,
        *,
        concurrency: int | None = None,
        queues: Sequence[str] | None = None,
        grace: timedelta | None = None,
    ) -> None:
        self.name = worker_name()
        self.concurrency = concurrency or conf.TASKS_MAX_CONCURRENT
        self.grace = grace if grace is not None else conf.TASKS_GRACE_PERIOD
        self._queues = None if queues is None else [*queues, MAINTENANCE_QUEUE]
        self._vitals = Vitals(self.name, concurrency=self.concurrency, queues=queues)
        self._pulse = Pulse()
        self._unknown = Unknown()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no more runs, let the current ones end within the grace period, then put them back in line."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop()`. Comes back after the last run has ended or gone back in line."""
        use_loop(asyncio.get_running_loop())
        beside = [
            asyncio.create_task(keep(part, work, self._vitals), name=part)
            for part, work in {
                "reconciler": lambda: keep_reconciling(self._pulse),
                "schedules": keep_firing,
                "clocks": keep_calling,
                "description": self._vitals.keep_writing,
            }.items()
        ]
        try:
            await self._keep_engine()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            await self._say_goodbye()

    async def _keep_engine(self) -> None:
        loop, backoff = asyncio.get_running_loop(), Backoff()
        while not self._stopping.is_set():
            begun, error = loop.time(), None
            try:
                await self._run_engine()
            except Exception as caught:
                error = caught
            if self._stopping.is_set():
                if error is not None:
                    logger.warning("The worker's engine did not stop in order (%r)", error)
                return
            say_ended("engine", error)
            await self._sleep(backoff.after(loop.time() - begun))
            self._vitals.restarted("engine", error)

    async def _say_goodbye(self) -> None:
        try:
            await asyncio.wait_for(in_thread(stopped, self.name), GOODBYE)
        except (DatabaseError, TimeoutError) as error:
            logger.info("The worker could not say that it leaves (%r)", error)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _run_engine(self) -> None:
        # with_connector, not replace_connector: the latter would break transactional enqueue in this process.
        pool: dict[str, Any] = {"timeout": 3 * RECONNECT / 2, "reconnect_timeout": RECONNECT}
        app = engine.with_connector(PsycopgConnector(kwargs=connector_params(), configure=_hurry, **pool))
        app.job_manager = TicketManager(app.connector, self._unknown)
        app.perform_import_paths()
        async with app.open_async():
            worker = Engine(
                vitals=self._vitals,
                pulse=self._pulse,
                app=app,
                name=self.name,
                queues=self._queues,  # None means all
                concurrency=self.concurrency,
                delete_jobs="always",
                additional_context={"worker": self.name},
                install_signal_handlers=False,
                shutdown_graceful_timeout=self.grace.total_seconds(),
                fetch_job_polling_interval=POLL,
                abort_job_polling_interval=POLL,
                update_heartbeat_interval=HEARTBEAT,
                stalled_worker_timeout=PRUNE_AFTER,
                task_middleware=[],  # our runs bring their own database threads
            )
            running = asyncio.create_task(worker.run())
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not running.done():
                running.cancel()
                await asyncio.wait({running})
            if not running.cancelled():
                running.result()


class TicketManager(JobManager):
    """Procrastinate's JobManager, with our order of the line, and for tickets that may be gone by the time they end."""

    def __init__(self, connector: BaseConnector, unknown: Unknown) -> None:
        super().__init__(connector)
        self._unknown = unknown

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The ticket of the run that is next (lanes.py); None when nobody may start now."""
        while row := await self._take_next(queues, worker_id):
            waited = row["waited"]
            if row["task"] is not None and await self._unknown.is_for_others(row["task"], waited or 0.0):
                await self._put_back(row["id"], worker_id)
                continue
            # A later attempt that was put back in line has been waiting since then, not since its run was made.
            if waited is not None and row["args"].get("attempt") == 1:
                ticket_taken.send_robust(sender=TicketManager, queue=row["queue_name"], seconds=waited)
            return Job.from_row(row)
        return None

    async def _take_next(self, queues: Iterable[str] | None, worker_id: int) -> dict[str, Any] | None:
        rows = await self.connector.execute_query_all_async(
            query=FETCH,
            queues=queues,
            worker_id=worker_id,
            candidates=CANDIDATES,
            maintenance=MAINTENANCE_QUEUE,
            unknown=self._unknown.passed_over(),
        )
        return rows[0] if rows else None

    async def _put_back(self, ticket: int, worker_id: int) -> None:
        await self.connector.execute_query_async(SAY_WHY, ticket=ticket, message=UNKNOWN_TASK)
        await self.connector.execute_query_async(PUT_BACK, ticket=ticket, worker_id=worker_id)

    async def finish_job(self, job: Job, status: TicketStatus, delete_job: bool) -> None:
        """Delete the ticket; that it was replaced meanwhile (retry, rescue, shutdown) is a normal end."""
        try:
            await super().finish_job(job, status, delete_job)
        except ConnectorException as error:
            if "not found" not in str(error) + str(error.__cause__):
                raise


async def _hurry(connection: AsyncConnection[Any]) -> None:
    """Tickets need no flush of their own: what must not be lost is our claim, and its flush takes theirs along.

    What the engine says is one statement at a time: BEGIN and COMMIT around each would be two more. Set here, for among
    the arguments of the connection it would be there twice for the one that listens.
    """
    await connection.set_autocommit(True)
    await connection.execute("SET synchronous_commit = off")


@engine.task(name=EXECUTE, pass_context=True)
async def execute(context: JobContext, run_id: str, attempt: int) -> None:
    """What a ticket asks for: execute one attempt of one run."""
    execution = Execution(UUID(run_id), attempt, worker=_worker_of(context), ticket=context.job.id)
    work = asyncio.create_task(execution.run(), name=f"run {run_id}")
    while not work.done():
        try:
            # The engine stops us by cancelling this coroutine. The work inside must still record how it ended.
            await asyncio.shield(work)
        except asyncio.CancelledError:
            if work.cancelled():
                raise
            shutdown = context.abort_reason() is AbortReason.SHUTDOWN
            execution.stop(Stop.SHUTDOWN if shutdown else Stop.CANCEL)
    work.result()


# At least one periodic task must exist: without one the engine's side task for them ends, and is started for ever.
@engine.periodic(cron="17 * * * *")
@engine.task(name="tasks.cleanup", queue=MAINTENANCE_QUEUE, pass_context=False)
async def cleanup(timestamp: int) -> None:
    """Once an hour, on one worker: delete runs and notifications that are old, forget workers that are gone."""
    await in_thread(forget)
    await in_thread(upkeep.delete_old)
    deleted = await in_thread(cleanup_old_tasks, None)
    logger.info("Cleanup deleted %s old runs", deleted)


def _worker_of(context: JobContext) -> str:
    extra: dict[str, Any] = context.additional_context
    return str(extra.get("worker", ""))
