"""From the order to stop to the function that stops: ours of each kind beside Procrastinate's abort of a coroutine."""

import asyncio
import threading
import time
from contextlib import suppress
from typing import Any

from benchmarks.harness import Result, Row, scratch_database, worker

SAMPLES = 30


def main() -> None:
    """Measure in one process, then with the worker in another."""
    with scratch_database() as url:
        from benchmarks import functions
        from tasks.background import BackgroundWorker

        bare = _bare()
        here = BackgroundWorker().start()
        try:
            coroutine = _samples(functions.waits)
            thread = _samples(functions.turns)
            child = _samples(functions.spins, told=False)
        finally:
            here.stop()
        with worker(url):
            across = _samples(functions.waits, told=False)
    Result(
        key="cancel",
        title="Cancel of a running function",
        unit="ms",
        rows=[
            Row(name="bare Procrastinate, abort of a coroutine", samples=bare, is_baseline=True),
            Row(name="statusproj: a coroutine, the worker in this process", samples=coroutine),
            Row(name="statusproj: a plain function that reports every 5 ms", samples=thread),
            Row(name="statusproj: an isolated function that never looks up, until its end is recorded", samples=child),
            Row(name="statusproj: a coroutine in another process, until its end is recorded", samples=across),
        ],
        target="a coroutine at most 100 ms p99 in one process, 1 s across processes",
        packages=["procrastinate", "django", "psycopg"],
        notes=["An isolated function that does not look up is asked first, and killed half a second later"],
    ).save()


def _samples(function: Any, *, told: bool = True) -> list[float]:
    """Milliseconds from the order until the function was `told`, else until the run's row says cancelled."""
    from benchmarks import functions
    from tasks.manager import cancel_task
    from tasks.models import TaskRun
    from tasks.states import Status

    samples = []
    for number in range(SAMPLES + 3):
        functions.has_stopped.clear()
        run_id = function.enqueue().id
        while not TaskRun.objects.filter(pk=run_id, status=Status.RUNNING).exists():
            time.sleep(0.01)
        time.sleep(0.05 if told else 0.3)  # it is under way, in its child as well
        begun = time.perf_counter()
        cancel_task(run_id)
        if told:
            if not functions.has_stopped.wait(30):
                raise SystemExit(f"{function.name} was not told within 30 s")
            ended = functions.stopped_at[-1]
        else:
            while not TaskRun.objects.filter(pk=run_id, status=Status.CANCELLED).exists():
                time.sleep(0.002)
            ended = time.perf_counter()
        if number >= 3:  # the first ones open connections
            samples.append((ended - begun) * 1000)
        while not TaskRun.objects.filter(pk=run_id, status=Status.CANCELLED).exists():
            time.sleep(0.01)
    return samples


def _bare() -> list[float]:
    """The same with nothing but Procrastinate."""
    from procrastinate import App, PsycopgConnector
    from procrastinate.contrib.django.utils import connector_params

    app = App(connector=PsycopgConnector(kwargs=connector_params()))
    begun, ended = threading.Event(), threading.Event()
    at: list[float] = []

    @app.task(name="bench.waits")
    async def waits() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            at.append(time.perf_counter())
            ended.set()

    async def measure() -> list[float]:
        samples = []
        async with app.open_async():
            work = asyncio.create_task(
                app.run_worker_async(concurrency=3, install_signal_handlers=False, fetch_job_polling_interval=1)
            )
            for number in range(SAMPLES + 3):
                begun.clear()
                ended.clear()
                job = await waits.defer_async()
                await asyncio.to_thread(begun.wait, 30)
                await asyncio.sleep(0.05)
                start = time.perf_counter()
                await app.job_manager.cancel_job_by_id_async(job, abort=True)
                await asyncio.to_thread(ended.wait, 30)
                if number >= 3:
                    samples.append((at[-1] - start) * 1000)
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        return samples

    return asyncio.run(measure())


if __name__ == "__main__":
    main()
