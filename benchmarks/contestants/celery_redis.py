"""Celery with Redis as broker and result store. `client` or `worker`; BENCH_REDIS is its address."""

import os
import sys

from celery import Celery
from orders import Client, mark

app = Celery("celery_redis", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
app.conf.update(worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)


@app.task(name="start")
def start() -> None:
    """Does nothing but start."""
    mark()


def main() -> None:
    """Serve or work."""
    if sys.argv[1] == "worker":
        app.worker_main(["worker", "--concurrency=3", "--loglevel=WARNING", "--without-gossip", "--without-mingle"])
        return
    Client(start.delay).serve()


if __name__ == "__main__":
    main()
