"""Nothing of a page's HTML is ever rendered: from hostile sites through a whole collection to every page we have."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ingest.fetching.fetch import allow_here, disallow_here
from ingest.jobs import start_bulk_analysis, start_collecting
from ingest.models import Article, Source, Topic
from tasks.models import TaskRun
from tests.pages.reading import Element, read
from tests.waiting import eventually
from tests.workers import WorkerThread

pytestmark = pytest.mark.django_db(transaction=True)

# Each breaks out of a place where texts stand. All leave the same mark: an element x-evil, or an attribute onxevil.
BREAKOUTS = (
    "<x-evil onxevil=1>",
    "\"><x-evil onxevil='1'>",
    "'><x-evil onxevil=1>",
    "` onxevil=1 x=`",
    '" onxevil=1 autofocus x="',
    "' onxevil=1 x='",
    "</title></textarea></script></style></template></noscript><x-evil onxevil=1>",
    "--><x-evil onxevil=1><!--",
    "]]><x-evil onxevil=1>",
    "&lt;x-evil onxevil=1&gt;",
    '{{ "com"|add:"puted" }}',
    "<svg/onload=xevil()><img src=x onerror=xevil()>",
    "<a href=javascript:xevil()>",
    "\u202e<x-evil\u2028onxevil=1>\u2029",
    "=HYPERLINK(xevil)",
    "@SUM(xevil)",
    "+xevil",
    "-xevil()",
    "\t=xevil",
)
WORDS = "The heat pump in the cellar warms the whole house, and the neighbours ask how much it costs to run. "
LINKS = (
    "href",
    "src",
    "action",
    "formaction",
    "poster",
    "data",
    "hx-get",
    "hx-post",
    "hx-ws",
    "ws-connect",
    "data-part",
)


def article(mark: str) -> str:
    """A page that says `mark` wherever a page can say something; in its text, too, where it is escaped."""
    said = escape(mark)
    return (
        f'<html lang="en"><head><title>{said}</title><meta property="og:title" content="{said}">'
        f'<meta name="author" content="{said}"><meta property="og:site_name" content="{said}">'
        f'<meta property="article:published_time" content="2026-11-01"><link rel="canonical" href="javascript:xevil()">'
        f"</head><body><article><h1>{said}</h1><p>{said} {WORDS}</p>{f'<p>{said} {WORDS * 3}</p>' * 12}"
        f"{mark}</article></body></html>"
    )


def feed(entries: str, mark: str) -> bytes:
    said = escape(escape(mark))
    channel = f"<channel><title>{said}</title><link>javascript:xevil()</link>{entries}</channel>"
    return f'<rss version="2.0">{channel}</rss>'.encode()


class HostileSite(BaseHTTPRequestHandler):
    """A feed, a page for each way out, and answers that carry one in what an error repeats."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        status, kind = 200, "text/html; charset=utf-8"
        if path.startswith("/feed/"):
            mark = BREAKOUTS[int(path.removeprefix("/feed/"))]
            entry = (
                "<item><title>{0}</title><author>{0}</author><link>/page/{1}?{2}</link></item>"
                "<item><title>{0}</title><link>javascript:xevil({1})</link></item>"
                "<item><title>{0}</title><link>/odd/{1}</link></item>"
            )
            entries = [
                entry.format(escape(escape(one)), number, escape(re.sub(r"\s", "/", one)))
                for number, one in enumerate(BREAKOUTS)
            ]
            body = feed("".join(entries), mark)
            kind = "application/rss+xml"
        elif path.startswith("/page/"):
            body = article(BREAKOUTS[int(path.removeprefix("/page/"))]).encode()
        else:
            body, kind = b"x", 'picture/"><x-evil onxevil=1>'
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def hostile_site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), HostileSite)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    host = f"127.0.0.1:{server.server_address[1]}"
    allow_here(host)
    yield f"http://{host}"
    disallow_here(host)
    server.shutdown()
    server.server_close()
    thread.join()


def evils(document: Element) -> list[str]:
    """What of a hostile text became part of the page."""
    found = []
    for element in document.walk():
        where = f"<{element.tag} {element.attrs}>"
        if element.tag.startswith("x-evil") or any(re.search("evil|^onload|^onerror", name) for name in element.attrs):
            found.append(f"markup: {where}")
        for name in LINKS:
            scheme = urlsplit(re.sub(r"[\x00-\x20]", "", element.attrs.get(name, ""))).scheme
            if scheme not in {"", "http", "https", "mailto"}:
                found.append(f"address: {where}")
        if element.tag in {"script", "style", "iframe", "object", "embed", "base"} and "evil" in element.text:
            found.append(f"inside: {where}")
    return found


def formulas(text: str) -> list[str]:
    """The cells of a CSV file that a spreadsheet would compute."""
    return [
        cell
        for row in csv.reader(io.StringIO(text))
        for cell in row
        if cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", cell)
    ]


def crawl(client: Client, start: list[str]) -> dict[str, HttpResponse]:
    """Every answer that can be reached by links from `start`, on this site."""
    answers: dict[str, HttpResponse] = {}
    waiting = list(start)
    while waiting and len(answers) < 100:
        path = waiting.pop(0)
        if path in answers:
            continue
        answers[path] = response = client.get(path)
        if not response.get("Content-Type", "").startswith("text/html") or response.status_code >= 300:
            continue
        for element in read(response.content).walk():
            for name in ("href", "hx-get", "data-part"):
                target = urljoin(path, element.attrs.get(name, "")).partition("#")[0]
                here = target.startswith("/") and not target.startswith(("//", "/static/", "/admin/", "/api/docs"))
                if here and target not in answers:
                    waiting.append(target)
    return answers


def check(path: str, response: HttpResponse) -> str:
    """Complains of an answer that carries what a hostile page said as anything but text. Returns its kind."""
    kind = response.get("Content-Type", "").partition(";")[0]
    assert response.get("X-Content-Type-Options") == "nosniff", path
    if kind == "text/html":
        assert evils(read(response.content)) == [], path
        assert b"computed" not in response.content, path
    elif kind == "text/csv":
        assert "attachment" in response["Content-Disposition"], path
        body = b"".join(response) if response.streaming else response.content
        assert formulas(body.decode("utf-8-sig")) == [], path
    else:
        # Never a kind that a browser would render.
        assert kind in {"", "application/json", "application/xml", "text/x-opml", "text/plain"}, (path, kind)
    return kind


def test_nothing_of_a_hostile_site_is_rendered(
    worker: WorkerThread, owner: User, staff: User, client_of: Callable[[User], Client], hostile_site: str
) -> None:
    topic = Topic.objects.create(owner=owner, name=BREAKOUTS[0], relevance_threshold=0.01, quality_threshold=0.01)
    for phrase in ("heat pump", "<x-evil onxevil=1>", '"onxevil=1'):
        topic.keywords.create(phrase=phrase)
    for number in range(3):
        topic.sources.create(url=f"{hostile_site}/feed/{number}")
    topic.sources.create(url=f"{hostile_site}/odd/feed")
    urls = [f"{hostile_site}/page/{number}?<x-evil>" for number in range(len(BREAKOUTS))]
    runs = [
        start_collecting(owner, topic).id,
        start_bulk_analysis(owner, urls, BREAKOUTS[0], relevance_threshold=0.01, save=False),
    ]
    for run in runs:
        eventually(lambda id=run: TaskRun.objects.final().filter(pk=id).exists(), within=60)
    # What was said has come through: else there is nothing to find.
    kept = list(topic.articles.all())
    assert {one.decision for one in kept} >= {"approved", "failed"}
    assert any("<x-evil" in one.title for one in kept)
    assert any("evil" in one.author for one in kept), [one.author for one in kept]
    assert any("<x-evil" in one.summary for one in kept)
    assert any("x-evil" in str(one.reasons) for one in kept)
    assert all(one.url.startswith(hostile_site) for one in kept)
    assert any("<x-evil" in source.title for source in topic.sources.all())

    start = ["/keyword-alerts/", topic.get_absolute_url(), "/tasks/", "/notifications/", "/", "/api/auto-ingest/status"]
    start += ["/api/auto-ingest/pending", "/api/auto-ingest/config"]
    start += [run.get_absolute_url() for run in TaskRun.objects.all()]
    for user in (owner, staff):
        answers = crawl(client_of(user), start)
        kinds = [check(path, response) for path, response in answers.items()]
        assert kinds.count("text/html") >= 15
        shown = b"".join(response.content for response in answers.values() if not response.streaming)
        assert b"&lt;x-evil" in shown
    admin = client_of(User.objects.create_superuser("root"))
    for path in ("article", "source", "topic", f"article/{kept[0].pk}/change", f"topic/{topic.pk}/change"):
        assert evils_of_admin(admin.get(f"/admin/ingest/{path}/")) == []


def evils_of_admin(response: HttpResponse) -> list[str]:
    """The same for a page of Django's admin, whose markup is not ours to be strict about."""
    text = response.content.decode()
    return re.findall(r"<x-evil[^>]*>|<[^>\"']*\sonxevil", text)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example/", "/local", "", " http://a/"]
)
def test_an_address_that_is_none_of_the_web_is_not_stored(owner: User, url: str) -> None:
    """The database knows it too: pages link to these addresses."""
    topic = Topic.objects.create(owner=owner, name="Energy")
    with pytest.raises(IntegrityError), transaction.atomic():
        Article.objects.create(topic=topic, url=url, canonical_url="https://news.example/")
    with pytest.raises(IntegrityError), transaction.atomic():
        Source.objects.create(topic=topic, url=url)
    if url:
        with pytest.raises(IntegrityError), transaction.atomic():
            Source.objects.create(topic=topic, url="https://news.example/", site_url=url)


class AnyTextStaysText(TestCase):
    """The same for texts nobody thought of."""

    @settings(max_examples=20)
    @given(
        st.lists(
            st.sampled_from(["<", ">", '"', "'", "`", "=", "/", "&", ";", "x-evil", " onxevil=", "\n", "--", "]]>"])
            | st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=3),
            min_size=1,
            max_size=12,
        ).map("".join)
    )  # fmt: skip
    def test_any_text_of_an_article_stays_a_text(self, text: str) -> None:
        user, _ = User.objects.get_or_create(username="reader")
        topic = Topic.objects.create(owner=user, name=text[:100])
        topic.keywords.create(phrase=text[:100])
        topic.sources.create(url="https://news.example/feed", title=text, last_error=text, failures=1)
        Article.objects.create(
            topic=topic, url=f"https://news.example/{text}", canonical_url=text, title=text, author=text, site=text,
            text=text, summary=text, language=text[:10], relevance=0.5, quality=0.5, decision="failed",
            failure="timeout", decided_at="2026-11-01T00:00Z",
            reasons={"failure": text, "relevance": {"reason": text}, "quality": {"reason": text}},
        )  # fmt: skip
        client = Client()
        client.force_login(user)
        for path in ("/keyword-alerts/", topic.get_absolute_url(), f"{topic.get_absolute_url()}sources/"):
            assert evils(read(client.get(path).content)) == []
