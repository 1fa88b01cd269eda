"""A process that collects a topic, and dies at an address that says poison: `python -m tests.ingest.dying 7`."""

import asyncio
import os
import signal
import sys
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")
django.setup()

from ingest import children  # noqa: E402 - Django first
from ingest.collecting.reporting import Silent  # noqa: E402
from ingest.fetching.fetch import Fetched, Fetcher  # noqa: E402
from ingest.models import Topic  # noqa: E402
from ingest.service import run_auto_ingest  # noqa: E402


class DyingFetcher(Fetcher):
    """Ends its process in the way the kernel does that has no memory left."""

    async def page(self, url: str) -> Fetched:
        if url.endswith("/poison"):
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().page(url)


if __name__ == "__main__":
    topic = Topic.objects.get(pk=sys.argv[1])
    asyncio.run(run_auto_ingest(topic, progress=Silent(), run_id=uuid4(), fetcher=DyingFetcher()))
    children.close()
