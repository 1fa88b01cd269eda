"""Where the time of an article goes: each stage's share of the CPU, in one process, on 181 real pages.

And how long 100 addresses take whose servers answer after 300 ms.
"""

import argparse
import asyncio
import gzip
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from uuid import uuid4

from benchmarks.harness import Result, Row, scratch_database
from benchmarks.ingest import DATA, DATES, KEYWORDS

ROUNDS = 3
LATENCY, ADDRESSES, HOSTS = 0.3, 100, 10
# The stages in order, by the name each has in ingest.reading.analysis.
STAGES = {
    "extract": "extract: decode, parse, trafilatura",
    "language_of": "language",
    "sentences": "sentences",
    "summary": "summary",
    "sentiment": "mood",
    "fingerprint": "simhash",
    "relevance": "relevance",
    "quality": "quality",
}


def main() -> None:
    """Stages first, for they need a quiet process; then the addresses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds article-pages/")
    options = parser.parse_args()
    folder = options.data / "article-pages"
    if not folder.is_dir():
        print(f"  skipped: there are no pages in {folder} (see --data)")
        return
    truth = json.loads((folder / "ground-truth.json").read_text())
    keys = list(truth)
    with scratch_database(), pages_served(options.data, hosts=HOSTS) as hosts:
        measure_stages(folder, hosts[0], keys)
    with scratch_database(), pages_served(options.data, hosts=HOSTS, latency=LATENCY) as hosts:
        measure_latency(
            [f"http://{hosts[n % HOSTS]}/{key}" for n, key in enumerate(keys[:ADDRESSES])], frozenset(hosts)
        )


@contextmanager
def pages_served(data: Path, *, hosts: int, latency: float = 0.0) -> Iterator[list[str]]:
    """The pages from a process of its own, on so many ports. Yields host and port of each."""
    command = [sys.executable, "-m", "benchmarks.ingest", "--serve", "--data", str(data)]
    command += ["--hosts", str(hosts), "--latency", str(latency)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield [f"127.0.0.1:{port}" for port in server.stdout.readline().split()]
    finally:
        server.terminate()
        server.wait()


def measure_stages(folder: Path, host: str, keys: list[str]) -> None:
    """Milliseconds of CPU per page in each stage, and of all together."""
    from ingest.reading import analysis
    from ingest.reading.relevance import Rules

    rules = Rules(include=KEYWORDS)
    bodies = {key: gzip.decompress((folder / "html" / f"{key}.html.gz").read_bytes()) for key in keys}
    samples: dict[str, list[float]] = defaultdict(list)
    per_page: list[float] = []
    for number in range(ROUNDS + 1):
        spent: dict[str, float] = defaultdict(float)
        pages = []
        with timed(analysis, spent):
            for key in keys:
                begun = time.process_time()
                pages.append(analysis.analyse_page(analysis.Page(url=f"http://{host}/{key}", body=bodies[key]), rules))
                per_page.append(1000 * (time.process_time() - begun))
        analysed = sum(per_page[-len(keys) :]) / 1000
        fetched, saved = fetching(host, keys), saving(host, keys, pages, rules)
        if number == 0:  # libraries load, caches fill
            per_page.clear()
            continue
        each = {"fetch": fetched, **{STAGES[name]: spent[name] for name in STAGES}}
        each["between the stages"] = analysed - sum(spent.values())
        each["judge and save, 20 at a time"] = saved
        for name, seconds in {"all of it, in one process": fetched + analysed + saved, **each}.items():
            samples[name].append(1000 * seconds / len(keys))
    whole = median(samples["all of it, in one process"])
    ordered = sorted(per_page)
    Result(
        key="ingest_stages",
        title="One article, stage by stage: CPU in one process",
        unit="ms",
        rows=[
            Row(name=name, samples=found, is_baseline=name.startswith("all of it")) for name, found in samples.items()
        ],
        target="none; the column × is the share of the whole",
        packages=["trafilatura", "httpx2", "lxml", "py3langid", "pystemmer", "sentencex", "vadersentiment"],
        notes=[
            f"Analysis of one page: p50 {median(ordered):.1f} ms, p95 {quantiles(ordered, n=20)[-1]:.1f} ms, "
            f"the longest {ordered[-1]:.0f} ms",
            f"{1000 / whole:.1f} articles a second and core without processes and progress",
        ],
    ).save()


@contextmanager
def timed(module: Any, spent: dict[str, float]) -> Iterator[None]:
    """Within, the CPU seconds of each stage are added up in `spent`."""
    originals = {name: getattr(module, name) for name in STAGES}

    def clocked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            begun = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent[name] += time.process_time() - begun

        return call

    for name, function in originals.items():
        setattr(module, name, clocked(name, function))
    try:
        yield
    finally:
        for name, function in originals.items():
            setattr(module, name, function)


def fetching(host: str, keys: list[str]) -> float:
    """CPU seconds of reading all pages."""
    from ingest.fetching.fetch import Bounds, Fetcher

    async def fetch() -> float:
        async with Fetcher(Bounds(per_host=16), allowed=frozenset({host})) as fetcher:
            await fetcher.page(f"http://{host}/{keys[0]}")
            begun = time.process_time()
            for key in keys:
                await fetcher.page(f"http://{host}/{key}")
            return time.process_time() - begun

    return asyncio.run(fetch())


def saving(host: str, keys: list[str], pages: list[Any], rules: Any) -> float:
    """CPU seconds of judging and saving all pages."""
    from ingest import store
    from ingest.analyzers.protocol import Analysis
    from ingest.collecting.verdicts import judge

    topic = new_topic([f"http://{host}/{key}" for key in keys])
    decided = []
    candidates = store.pending_candidates(topic.pk)
    begun = time.process_time()
    for candidate, (reading, scores) in zip(candidates, pages, strict=True):
        if scores is not None:
            analysis = Analysis(reading=reading, scores=scores)
            decided.append(store.Decided(candidate=candidate, verdict=judge(analysis, rules, None), analysis=analysis))
    run = uuid4()
    for start in range(0, len(decided), 20):
        store.save_decisions(decided[start : start + 20], run)
    return time.process_time() - begun


def new_topic(urls: list[str]) -> Any:
    """A topic with these articles waiting."""
    from django.contrib.auth.models import User

    from ingest.models import Article, Topic

    owner, _ = User.objects.get_or_create(username="benchmark")
    topic = Topic.objects.create(owner=owner, name=str(uuid4()))
    for phrase in KEYWORDS:
        topic.keywords.create(phrase=phrase)
    Article.objects.bulk_create(Article(topic=topic, url=url, canonical_url=url) for url in urls)
    return topic


def measure_latency(urls: list[str], hosts: frozenset[str]) -> None:
    """Seconds for all addresses: three at a time with the bare calls, and as a collection does it."""
    from ingest import children

    ours, bare = [], []
    collected(urls[:10], hosts)  # the children have loaded their libraries
    for _ in range(ROUNDS):
        bare.append(three_at_a_time(urls))
        ours.append(collected(urls, hosts))
    children.close()
    Result(
        key="ingest_latency",
        title=f"{ADDRESSES} addresses on {HOSTS} hosts that answer after {1000 * LATENCY:.0f} ms",
        unit="s",
        rows=[
            Row(name="bare calls in threads, three at a time", samples=bare, is_baseline=True),
            Row(name="statusproj, as a collection", samples=ours),
        ],
        target="at most 15 s",
        packages=["httpx2", "trafilatura"],
        notes=["Two connections to a host, twelve pages fetched ahead of three that are analysed: the defaults"],
    ).save()


def collected(urls: list[str], hosts: frozenset[str]) -> float:
    """Seconds of a collection of these pages."""
    from ingest.collecting.reporting import Silent
    from ingest.fetching.fetch import Fetcher
    from ingest.service import get_pending_articles, process_articles_batch

    topic = new_topic(urls)
    candidates = get_pending_articles(topic.pk)

    async def run() -> None:
        async with Fetcher(allowed=hosts) as fetcher:
            await process_articles_batch(topic, candidates, progress=Silent(), run_id=uuid4(), fetcher=fetcher)

    begun = time.monotonic()
    asyncio.run(run())
    assert not topic.articles.pending().exists()
    assert topic.articles.filter(failure="").count() >= 0.9 * len(urls)
    return time.monotonic() - begun


def three_at_a_time(urls: list[str]) -> float:
    """Seconds of the bare calls, three threads at work."""
    from concurrent.futures import ThreadPoolExecutor

    import httpx2
    from trafilatura import bare_extraction, load_html
    from trafilatura.deduplication import Simhash

    with httpx2.Client(trust_env=False) as client:

        def read(url: str) -> None:
            document = bare_extraction(
                load_html(client.get(url).content), url=url, fast=True, with_metadata=True, include_comments=False,
                date_extraction_params=DATES,
            )  # fmt: skip
            Simhash((document.text or "") if document else "")

        begun = time.monotonic()
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(read, urls))
        return time.monotonic() - begun


if __name__ == "__main__":
    main()
