"""Articles over which processes died: known afterwards, read alone, and after three deaths no more."""

import asyncio
import os
import signal
import sys
from uuid import uuid4

import pytest

from ingest import store
from ingest.collecting.begun import AHEAD, DEATHS
from ingest.decisions import Decision, Failure
from ingest.fetching.fetch import Fetcher
from ingest.models import Article, Topic
from ingest.service import run_auto_ingest
from tasks.db import in_thread
from tests.ingest.recorder import Recorder
from tests.ingest.servers import RawServer, reply
from tests.servers import ROOT, database_url
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


def pending(topic: Topic, server: RawServer, count: int, **values: int) -> list[Article]:
    """Articles that wait for their decision, at paths of the server that answer nothing."""
    addresses = [server.url(f"/{uuid4().hex}") for _ in range(count)]
    return [Article.objects.create(topic=topic, url=address, canonical_url=address, **values) for address in addresses]


async def collect(topic: Topic, server: RawServer) -> dict[str, object]:
    fetcher = Fetcher(allowed=frozenset({server.host}))
    return await run_auto_ingest(topic, progress=Recorder(), run_id=uuid4(), fetcher=fetcher)


def pages(server: RawServer) -> list[str]:
    """What was asked for, besides what robots may read."""
    return [path for path in server.requests if path != "/robots.txt"]


def unfinished(topic: Topic) -> list[int]:
    return list(topic.articles.order_by("id").values_list("unfinished", flat=True))


async def test_what_is_being_read_is_noted_and_a_decision_takes_the_note_back(topic: Topic) -> None:
    gate = asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(reply(b"<p>short</p>"))
        await writer.drain()

    async with RawServer({}) as server:
        articles = await in_thread(pending, topic, server, 2 * AHEAD)
        server.answers = {article.url.removeprefix(server.url("")): wait for article in articles}
        run = asyncio.create_task(collect(topic, server))
        # Two connections a host: the others wait, and only the next twenty are noted.
        await eventually_async(lambda: server.busy == 2)
        assert await in_thread(unfinished, topic) == [1] * AHEAD + [0] * AHEAD
        gate.set()
        await run
    assert await in_thread(unfinished, topic) == [0] * 2 * AHEAD


async def test_a_run_that_is_stopped_leaves_no_note(topic: Topic) -> None:
    async def wait(_writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with RawServer({}) as server:
        articles = await in_thread(pending, topic, server, 3)
        server.answers = {article.url.removeprefix(server.url("")): wait for article in articles}
        run = asyncio.create_task(collect(topic, server))
        await eventually_async(lambda: server.busy == 2)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert await in_thread(unfinished, topic) == [0, 0, 0]


async def test_a_suspect_is_read_after_the_others_and_alone(topic: Topic) -> None:
    async with RawServer({}) as server:
        suspects = await in_thread(lambda: pending(topic, server, 3, unfinished=1))
        await in_thread(pending, topic, server, 8)
        await collect(topic, server)
        assert [server.url(path) for path in pages(server)[-3:]] == [article.url for article in suspects]
    assert await in_thread(unfinished, topic) == [0] * 11


async def test_an_article_over_which_three_processes_died_is_failed_unread_with_that_reason(topic: Topic) -> None:
    async with RawServer({}) as server:
        [poison] = await in_thread(lambda: pending(topic, server, 1, unfinished=DEATHS))
        await in_thread(pending, topic, server, 1)
        outcome = await collect(topic, server)
        assert len(pages(server)) == 1
    await in_thread(poison.refresh_from_db)
    assert (poison.decision, poison.failure) == (Decision.FAILED, Failure.ANALYSIS_CRASHED)
    assert "3 processes died while they were reading it" in poison.reasons["failure"]
    assert outcome["processed"] == 2


async def test_who_asks_for_a_failed_article_again_gets_it_read(topic: Topic) -> None:
    async with RawServer({}) as server:
        [poison] = await in_thread(lambda: pending(topic, server, 1, unfinished=DEATHS))
        await collect(topic, server)
        await in_thread(store.reopen_failed, topic.pk, [poison.pk], uuid4())
        await collect(topic, server)
        assert len(pages(server)) == 1


async def test_a_page_that_kills_the_whole_process_is_found_out_and_costs_its_neighbours_nothing(topic: Topic) -> None:
    """Real processes, really killed."""
    async with RawServer({}) as server:
        await in_thread(pending, topic, server, 2)
        address = server.url("/poison")
        poison = await in_thread(lambda: topic.articles.create(url=address, canonical_url=address))
        await in_thread(pending, topic, server, 3)
        environment = {**os.environ, "DATABASE_URL": database_url(), "INGEST_ALLOWED_HOSTS": server.host}
        ends = []
        for _attempt in range(DEATHS + 1):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-W", "ignore", "-m", "tests.ingest.dying", str(topic.pk), cwd=ROOT, env=environment
            )
            ends.append(await process.wait())
            await in_thread(poison.refresh_from_db)
            if len(ends) <= DEATHS:
                assert poison.unfinished == len(ends)
    assert ends == [-signal.SIGKILL] * DEATHS + [0]
    assert (poison.decision, poison.failure, poison.unfinished) == (Decision.FAILED, Failure.ANALYSIS_CRASHED, 0)
    # The others were not there, which is how each of them ended, though suspect for a while.
    others = await in_thread(lambda: set(topic.articles.exclude(pk=poison.pk).values_list("failure", "unfinished")))
    assert others == {(Failure.NOT_FOUND.value, 0)}
