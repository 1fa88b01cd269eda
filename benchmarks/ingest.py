"""Fetch to saved, on 181 real pages: CPU per article beside the bare library calls, and the F1 of what was extracted.

The pages are other people's and not part of this project; without them there is nothing to measure.
"""

import argparse
import asyncio
import gzip
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from benchmarks.harness import Result, Row, scratch_database

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
ROUNDS = 5
KEYWORDS = ("government", "climate change", "football", "black friday", "election", "film")
DATES = {"extensive_search": False, "original_date": True}


def main() -> None:
    """Measure in turns, so that both meet the same weather."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds article-pages/")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--hosts", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--latency", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = options.data / "article-pages"
    if not folder.is_dir():
        print(f"  skipped: there are no pages in {folder} (see --data)")
        return
    if options.serve:
        serve(folder, options.hosts, options.latency)
        return
    truth = json.loads((folder / "ground-truth.json").read_text())
    command = [sys.executable, "-m", "benchmarks.ingest", "--serve", "--data", str(options.data)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        host = f"127.0.0.1:{int(server.stdout.readline())}"
        with scratch_database():
            measure(host, truth)
    finally:
        server.terminate()
        server.wait()


def measure(host: str, truth: Mapping[str, Any]) -> None:
    """All rounds, then both results."""
    from ingest import children

    bare, ours, walls, peaks = [], [], [], []
    pipeline(host, list(truth)[:20])  # the children have loaded their libraries
    for _ in range(ROUNDS):
        milliseconds, bare_texts = bare_calls(host, list(truth))
        bare.append(milliseconds)
        with memory() as used:
            milliseconds, wall, our_texts, recall = pipeline(host, list(truth))
        ours.append(milliseconds)
        walls.append(wall)
        peaks.append(max(used))
    processes = count_processes()
    children.close()
    Result(
        key="ingest",
        title="One article, fetch to saved: CPU of all our processes",
        unit="ms",
        rows=[
            Row(name="bare calls: httpx2, trafilatura, simhash", samples=bare, is_baseline=True),
            Row(name="statusproj (scores, language, mood, decision, row)", samples=ours),
        ],
        target="articles a second and core at least 0.8 of the bare calls, that is at most 1.25 ×",
        packages=["trafilatura", "httpx2", "lxml", "django", "psycopg"],
        notes=[
            f"{1000 / min(bare):.1f} articles a second and core bare, {1000 / min(ours):.1f} ours.",
            f"{len(truth) / min(walls):.1f} articles a second by the clock, Postgres and the web server included.",
            f"At most {max(peaks) / 1e6:,.0f} MB resident, in {processes}.",
            f"{recall:.1%} of these real articles reach the quality threshold of 0.5.",
        ],
    ).save()
    Result(
        key="ingest_f1",
        title="Extraction: F1 over shingles of four words, article-pages",
        unit="F1",
        rows=[
            Row(name="bare trafilatura, fast", samples=[f1(bare_texts, truth)], is_baseline=True),
            Row(name="statusproj, text as saved", samples=[f1(our_texts, truth)]),
        ],
        target="at least 0.955",
        packages=["trafilatura"],
    ).save()


def bare_calls(host: str, keys: list[str]) -> tuple[float, dict[str, str]]:
    """CPU milliseconds per page of the library calls alone, one after the other, and the texts."""
    import httpx2
    from trafilatura import bare_extraction, load_html
    from trafilatura.deduplication import Simhash

    texts = {}
    started = time.process_time()
    with httpx2.Client(trust_env=False) as client:
        for key in keys:
            tree = load_html(client.get(f"http://{host}/{key}").content)
            document = bare_extraction(
                tree, url=f"http://{host}/{key}", fast=True, with_metadata=True, include_comments=False,
                date_extraction_params=DATES,
            )  # fmt: skip
            texts[key] = (document.text or "") if document else ""
            Simhash(texts[key])
    return 1000 * (time.process_time() - started) / len(keys), texts


def pipeline(host: str, keys: list[str]) -> tuple[float, float, dict[str, str], float]:
    """CPU milliseconds per article of our pipeline and its children; seconds; the texts; the share of good ones."""
    from django.contrib.auth.models import User

    from ingest.collecting.reporting import Silent
    from ingest.fetching.fetch import Bounds, Fetcher
    from ingest.models import Article, Topic
    from ingest.service import get_pending_articles, process_articles_batch

    owner, _ = User.objects.get_or_create(username="benchmark")
    topic = Topic.objects.create(owner=owner, name=str(uuid4()))
    for phrase in KEYWORDS:
        topic.keywords.create(phrase=phrase)
    urls = {f"http://{host}/{key}": key for key in keys}
    Article.objects.bulk_create(Article(topic=topic, url=url, canonical_url=url) for url in urls)

    async def run() -> None:
        async with Fetcher(Bounds(per_host=16), allowed=frozenset({host})) as fetcher:
            await process_articles_batch(topic, candidates, progress=Silent(), run_id=uuid4(), fetcher=fetcher)

    candidates = get_pending_articles(topic.pk)
    before, clock = cpu_seconds(), time.monotonic()
    asyncio.run(run())
    spent, wall = cpu_seconds() - before, time.monotonic() - clock
    articles = list(topic.articles.all())
    good = sum(article.quality is not None and article.quality >= 0.5 for article in articles) / len(articles)
    return 1000 * spent / len(keys), wall, {urls[article.url]: article.text for article in articles}, good


def our_processes() -> list[Any]:
    """This process and the children that analyse."""
    import psutil

    me = psutil.Process()
    return [me, *(one for one in me.children(recursive=True) if "forkserver" in " ".join(one.cmdline()))]


def count_processes() -> str:
    """Their number in words."""
    return f"{len(our_processes())} processes: this one, {len(our_processes()) - 2} children and their fork server"


def cpu_seconds() -> float:
    """What they have used so far."""
    return sum(process.cpu_times().user + process.cpu_times().system for process in our_processes())


@contextmanager
def memory() -> Iterator[list[int]]:
    """Within, their resident bytes together are noted ten times a second. What they share counts for each."""
    processes, used, over = our_processes(), [0], Event()

    def watch() -> None:
        while not over.wait(0.1):
            used.append(sum(process.memory_info().rss for process in processes if process.is_running()))

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield used
    finally:
        over.set()
        watcher.join()


def f1(texts: Mapping[str, str], truth: Mapping[str, Any]) -> float:
    """The measure of the article-extraction-benchmark: F1 of the mean precision and the mean recall."""
    precisions, recalls = [], []
    for key, expected in truth.items():
        found, wanted = shingles(texts.get(key, "")), shingles(expected["articleBody"])
        common = (found & wanted).total()
        precisions.append(common / max(1, found.total()))
        recalls.append(common / max(1, wanted.total()))
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return 2 * precision * recall / (precision + recall)


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Every four words in a row."""
    found = re.findall(r"\w+", text)
    return Counter(tuple(found[at : at + 4]) for at in range(max(1, len(found) - 3)))


def serve(folder: Path, hosts: int, latency: float) -> None:
    """The pages over HTTP on so many ports, each after `latency` seconds. From a process of its own, so that its work
    is not counted as ours.
    """
    pages = {
        path.name.removesuffix(".html.gz"): gzip.decompress(path.read_bytes()) for path in folder.glob("html/*.gz")
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            time.sleep(latency)
            body = pages.get(self.path.strip("/"))
            if body is None:  # robots.txt
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(hosts)]
    for server in servers:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
    print(*(server.server_address[1] for server in servers), flush=True)
    with suppress(KeyboardInterrupt):
        signal.pause()


if __name__ == "__main__":
    main()
