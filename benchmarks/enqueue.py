"""From `enqueue()` to the first line of the function, on an idle worker: ours beside bare Procrastinate."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from benchmarks.harness import Result, Row, scratch_database

ROUNDS = 6
PER_ROUND = 60


def main() -> None:
    """Measure in turns, so that both meet the same weather."""
    with scratch_database():
        from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
        from procrastinate.contrib.django.utils import connector_params

        from benchmarks import functions
        from tasks.background import BackgroundWorker

        logging.getLogger("procrastinate.blueprints").setLevel(logging.ERROR)  # it is the main module on purpose
        params = connector_params()
        bare = App(connector=PsycopgConnector(kwargs=params))

        @bare.task(name="bench.start")
        async def start() -> None:
            functions.mark()

        client = bare.with_connector(SyncPsycopgConnector(kwargs=params))
        client.open()
        ours_samples: list[float] = []
        bare_samples: list[float] = []
        try:
            for _ in range(ROUNDS):
                worker = BackgroundWorker().start()
                ours_samples += _sample(lambda: functions.start.enqueue(), functions)
                worker.stop()
                stop = _start_bare_worker(bare)
                bare_samples += _sample(lambda: client.configure_task("bench.start").defer(), functions)
                stop()
        finally:
            client.close()
    Result(
        key="enqueue_to_start",
        title="Enqueue to start, idle worker, one process",
        unit="ms",
        rows=[
            Row(name="bare Procrastinate", samples=bare_samples, is_baseline=True),
            Row(name="statusproj (row, event, frame, ticket)", samples=ours_samples),
        ],
        target="at most 2 × bare Procrastinate",
        packages=["procrastinate", "django", "psycopg"],
    ).save()


def _sample(enqueue: Callable[[], object], functions: object) -> list[float]:
    samples = []
    for number in range(PER_ROUND + 5):
        functions.has_started.clear()  # type: ignore[attr-defined]
        begun = time.perf_counter()
        enqueue()
        if not functions.has_started.wait(30):  # type: ignore[attr-defined]
            raise SystemExit("a run did not start within 30 s")
        if number >= 5:  # the first ones open connections
            samples.append((functions.started_at[-1] - begun) * 1000)  # type: ignore[attr-defined]
        time.sleep(0.01)  # the worker shall be idle again
    return samples


def _start_bare_worker(app: object) -> Callable[[], None]:
    ready = threading.Event()
    state: dict[str, object] = {}

    async def work() -> None:
        async with app.open_async():  # type: ignore[attr-defined]
            state["loop"] = asyncio.get_running_loop()
            state["task"] = asyncio.current_task()
            ready.set()
            await app.run_worker_async(  # type: ignore[attr-defined]
                concurrency=3, install_signal_handlers=False, delete_jobs="always", fetch_job_polling_interval=1
            )

    def run() -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(work())

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()

    def stop() -> None:
        state["loop"].call_soon_threadsafe(state["task"].cancel)  # type: ignore[attr-defined]
        thread.join()

    return stop


if __name__ == "__main__":
    main()
