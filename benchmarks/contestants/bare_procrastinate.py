"""Procrastinate with nothing around it. `client` or `worker`; BENCH_DATABASE is a libpq address."""

import asyncio
import os
import sys

from orders import Client, mark
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

WORKS = sys.argv[1] == "worker"
app = App(connector=(PsycopgConnector if WORKS else SyncPsycopgConnector)(conninfo=os.environ["BENCH_DATABASE"]))


@app.task(name="start")
async def start() -> None:
    """Does nothing but start."""
    mark()


async def work() -> None:
    """As our own worker is run: three at once, finished jobs deleted."""
    async with app.open_async():
        await app.run_worker_async(concurrency=3, delete_jobs="always", fetch_job_polling_interval=1)


def main() -> None:
    """Serve or work."""
    if WORKS:
        asyncio.run(work())
        return
    with app.open():
        if not app.check_connection():  # are its tables there?
            app.schema_manager.apply_schema()
        Client(start.defer, lambda number: start.configure().batch_defer(*({} for _ in range(number)))).serve()


if __name__ == "__main__":
    main()
