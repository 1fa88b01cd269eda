"""What ours runs: as everybody's."""

from django.tasks import task

from benchmarks.contestants.orders import mark


@task
async def start() -> None:
    """Does nothing but start."""
    mark()
