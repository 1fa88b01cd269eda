"""What a million articles cost: lists, search, trend, pending and duplicates at 1,000 and 1,000,000 articles, in turns.

→ docs/scale-articles.md
"""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from benchmarks.harness import scratch_database
from benchmarks.scale import Figure, compared, explain, measure, table, told_on, two_databases, use

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scale-articles.md"
SMALL, LARGE = 1_000, int(os.environ.get("SCALE_ARTICLES", "1000000"))
OWNERS, TOPICS_EACH = 10, 20
PARAGRAPHS, WORDS = 5_000, 20_000
RUN = UUID(int=7)
SHOWN = re.compile(rb'id="article-(\d+)"')
TABLES = ("ingest_",)


def main() -> None:
    """Fill two databases, measure in both in turns, write the page."""
    with scratch_database(), two_databases() as (small, large):
        for name, rows, sources in ((small, SMALL, 1_000), (large, LARGE, 10_000)):
            use(name)
            begun = time.perf_counter()
            fill(rows, sources)
            print(f"  {rows:,} articles, {sources:,} sources in {time.perf_counter() - begun:.0f} s", flush=True)
        samples = measure(small, large, figures, rounds=2, per_round=3)
        plans = explain(large, figures, TABLES)
    PAGE.write_text("\n".join(head() + table(samples) + explained(plans)))
    compared("scale_articles", "1,000,000 articles against 1,000", samples, notes=[told_on(PAGE)]).save()
    print(f"  Written: {PAGE}")


def fill(rows: int, sources: int) -> None:
    """So many articles as two years leave behind: 10 owners with 20 topics each, one topic with 3 of 10 articles."""
    from django.contrib.auth.models import User
    from django.db import connection

    from ingest.models import Keyword, Source, Topic

    User.objects.create_superuser("root")
    owners = [User.objects.create(username=f"owner{number}") for number in range(OWNERS)]
    topics = Topic.objects.bulk_create(
        Topic(owner=owner, name=f"Topic {number}", collect_every=60)
        for owner in owners
        for number in range(TOPICS_EACH)
    )
    Keyword.objects.bulk_create(Keyword(topic=topic, phrase=f"word{topic.pk}") for topic in topics)
    per_topic = sources // len(topics)
    sources_made = Source.objects.bulk_create(
        Source(topic=topic, url=f"https://news{n}.example/feed", title=f"News {n}")
        for topic in topics
        for n in range(per_topic)
    )
    first = topics[0].pk
    with connection.cursor() as cursor:
        # What the triggers would write for each row is written for all at once; indexes are made at the end.
        cursor.execute("SET session_replication_role = replica")
        # Words as frequent as words are: a few in every text, most in hardly any.
        cursor.execute(
            f"""
            CREATE TEMPORARY TABLE paragraph AS
            SELECT n AS place, words AS text, to_tsvector('simple', words) AS vector FROM (
                SELECT n, string_agg('w' || floor({WORDS} ^ random())::int, ' ') AS words
                FROM generate_series(0, {PARAGRAPHS} - 1) n, generate_series(1, 20 + n % 2) GROUP BY n
            ) made
            """
        )
        with without_indexes("ingest_article", "ingest_articlewords"):
            cursor.execute(
                f"INSERT INTO ingest_article {_articles(rows, first, len(topics), sources_made[0].pk, per_topic)}"
            )
            cursor.execute(
                f"""
                INSERT INTO ingest_articlewords (article_id, vector)
                SELECT article.id, setweight(to_tsvector('simple', title), 'A') || paragraph.vector
                    || array_to_tsvector(ARRAY['#' || topic_id])
                FROM ingest_article article JOIN paragraph ON paragraph.place = article.id % {PARAGRAPHS}
                """
            )
        cursor.execute(
            """
            INSERT INTO ingest_articlecount (topic_id, kind, day, number, is_sum)
            SELECT article.topic_id, fact.kind, fact.day, count(*), true FROM ingest_article AS article,
                ingest_facts(decision, decided_at, read_at, starred_at) AS fact GROUP BY 1, 2, 3
            """
        )
        cursor.execute("SELECT setval(pg_get_serial_sequence('ingest_article', 'id'), max(id)) FROM ingest_article")
        # 20 sources are due; the others within the hour.
        cursor.execute("UPDATE ingest_source SET due_at = now() + random() * interval '1 hour'")
        cursor.execute("UPDATE ingest_source SET due_at = now() - interval '1 second' WHERE id % 10 = 0 AND id <= 200")
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")


def _articles(rows: int, first: int, topics: int, source: int, per_topic: int) -> str:
    """The articles, the newest with the highest number; 100 wait, the last run decided 500."""
    from django.db import connection

    from ingest.models import Article

    values = {
        "id": "n",
        "topic_id": "topic",
        "source_id": f"{source} + (topic - {first}) * {per_topic} + n % 5",
        "url": "'https://news.example/' || n",
        "canonical_url": "'https://news.example/' || n",
        "title": "'Rare' || n || ' word' || n % 500 || ' news of the day'",
        "author": "'Author ' || n % 1000",
        "site": "'News ' || n % 100",
        "published_at": "at",
        "text": "paragraph.text",
        "summary": "'What was said on the day number ' || n",
        "language": "(array['en', 'en', 'en', 'en', 'en', 'en', 'en', 'en', 'de', 'fr'])[1 + n % 10]",
        "relevance": "CASE WHEN decision NOT IN ('pending', 'failed') THEN (n::bigint * 7919 % 1000) / 1000.0 END",
        "quality": "CASE WHEN decision NOT IN ('pending', 'failed') THEN (n::bigint * 104729 % 1000) / 1000.0 END",
        "decision": "decision",
        "failure": "CASE decision WHEN 'failed' THEN 'timeout' ELSE '' END",
        "simhash": "hashint8extended(n, 0)",
        "found_at": "at",
        "decided_at": "CASE WHEN decision <> 'pending' THEN at + interval '1 minute' END",
        # Read within a week, and starred one in 500.
        "read_at": "CASE WHEN decision = 'approved' AND was_seen THEN at + interval '2 days' END",
        "starred_at": "CASE WHEN decision = 'approved' AND n % 500 = 4 THEN at + interval '2 days' END",
        "run": f"CASE WHEN n BETWEEN {rows - 600} AND {rows - 101} THEN '{RUN}'::uuid END",
    }  # fmt: skip
    columns, selected = [], []
    for column in Article._meta.concrete_fields:
        columns.append(column.column)
        if column.column in values:
            selected.append(values[column.column])
        else:
            default = column.get_db_prep_save(getattr(Article(), column.attname), connection)
            with connection.cursor() as cursor:
                selected.append(cursor.cursor.mogrify("%s", [default]))
    return f"""
        ({", ".join(columns)}) OVERRIDING SYSTEM VALUE SELECT {", ".join(selected)} FROM (
            SELECT n, n < {rows} * 0.99 AND n % 50 <> 0 AS was_seen,
                now() - interval '730 days' * (1 - n::float / {rows}) AS at,
                CASE WHEN n % 10 < 3 THEN {first} ELSE {first} + n / 10 % {topics} END AS topic,
                CASE WHEN n > {rows} - 100 THEN 'pending' WHEN n / 10 % 10 < 4 THEN 'approved'
                    WHEN n / 10 % 10 < 7 THEN 'filtered_relevance' WHEN n / 10 % 10 = 7 THEN 'rejected_quality'
                    WHEN n / 10 % 10 = 8 THEN 'duplicate' ELSE 'failed' END AS decision
            FROM generate_series(1, {rows}) n
        ) made JOIN paragraph ON paragraph.place = n % {PARAGRAPHS}
    """


@contextmanager
def without_indexes(*tables: str) -> Iterator[None]:
    """Within, these tables have no indexes but those of their constraints."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND schemaname = 'public' "
            "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = format('%%I', indexname)::regclass)",
            [list(tables)],
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        cursor.execute("SET maintenance_work_mem = '1GB'")
        for _, definition in indexes:
            cursor.execute(definition)


def figures() -> list[Figure]:
    """What people and programs ask for all day. For the database in use now."""
    from django.contrib.auth.models import User
    from django.core.cache import cache
    from django.test import Client
    from django.utils import timezone

    from ingest import store
    from ingest.duplicates import clusters
    from ingest.judging import preview
    from ingest.lists import counts
    from ingest.lists.listing import cursor_of
    from ingest.lists.numbers import numbers_of
    from ingest.models import Article, Topic
    from ingest.sources.schedule import topics_due

    cache.clear()
    people = {name: User.objects.get(username=name) for name in ("root", "owner0", "owner7")}
    clients = {name: Client(headers={"host": "localhost"}) for name in people}
    for name, client in clients.items():
        client.force_login(people[name])
    topics = list(Topic.objects.order_by("pk"))
    heavy, light = topics[0], topics[-1]
    source = heavy.sources.order_by("pk").first()

    def page(name: str, address: str) -> Callable[[], object]:
        def read() -> int:
            answer = clients[name].get(address)
            assert answer.status_code == 200, (address, answer.status_code)
            return len(set(SHOWN.findall(answer.content)))

        return read

    def of(topic: Topic, asked: str = "") -> Callable[[], object]:
        return page("owner0" if topic is heavy else "root", f"{topic.get_absolute_url()}{asked}")

    def add() -> int:
        """What a reading of a feed stores; taken back, so that each time finds the same."""
        entries = {
            f"https://new.example/{number}/{uuid4()}": store.Candidate(id=-number, url=f"https://new.example/{number}")
            for number in range(1, 51)
        }
        added = store.add_articles(heavy.pk, source.pk, entries)
        Article.objects.filter(topic=heavy, canonical_url__in=list(entries)).delete()
        return added

    middle = heavy.articles.order_by("-found_at", "-id")[heavy.articles.count() // 2]
    urls = [
        *heavy.articles.values_list("canonical_url", flat=True)[:50],
        *map("https://x.example/{}".format, range(50)),
    ]
    known = {url: store.Candidate(id=-1, url=url) for url in urls}
    recent = (timezone.now() - timedelta(days=2)).date().isoformat()
    lists = {
        "all": "", "new": "?show=new", "added": "?show=added", "below threshold": "?show=filtered_relevance",
        "failed": "?show=failed", "waiting": "?show=pending", "unread": "?only=unread", "starred": "?only=starred",
        "by relevance": "?sort=relevance", "by quality, added": "?sort=quality&show=added",
        "one source": f"?source={source.pk}", "a rare language": "?language=fr", "a language of none": "?language=xx",
        "since two days": f"?since={recent}", "a page in the middle": f"?after={cursor_of(middle, 'newest')}",
        "by relevance, a page in the middle": f"?sort=relevance&after={cursor_of(middle, 'relevance')}",
        "search, a word in most": "?q=w1", "search, a word in some": "?q=w150", "search, a word in few": "?q=w15000",
        "search, a word in one": f"?q=rare{middle.pk}", "search, a word in none": "?q=nothinghasthis",
        "search, two words, added, by relevance": "?q=w3+w70&show=added&sort=relevance",
    }  # fmt: skip
    return [
        Figure(name="topics with numbers and trend, 20 cards", reads=page("owner0", "/keyword-alerts/"), plan=True),
        Figure(name="topics, staff", reads=page("root", "/keyword-alerts/")),
        *(
            Figure(name=f"topic with 3 of 10 articles, {words}", reads=of(heavy, asked), plan=True)
            for words, asked in lists.items()
        ),
        Figure(name="topic with 1 of 285", reads=of(light), plan=True),
        Figure(name="topic with 1 of 285, search, a word in some", reads=of(light, "?q=w150"), plan=True),
        Figure(name="topic with 1 of 285, search, a word in most", reads=of(light, "?q=w1"), plan=True),
        *(
            Figure(
                name=f"all 20 topics of an owner, {words}",
                reads=page("owner0", f"/keyword-alerts/articles/{asked}"),
                plan=True,
            )
            for words, asked in {
                "all": "", "added": "?show=added", "unread": "?only=unread", "by relevance": "?sort=relevance",
                "search, a word in most": "?q=w1", "search, a word in some": "?q=w150",
                "search, a word in few": "?q=w15000",
            }.items()
        ),
        Figure(name="all 200 topics, staff", reads=page("root", "/keyword-alerts/articles/"), plan=True),
        Figure(
            name="all 200 topics, staff, search, a word in some",
            reads=page("root", "/keyword-alerts/articles/?q=w150"),
            plan=True,
        ),
        Figure(name="sources of a topic (5 / 50)", reads=of(heavy, "sources/"), plan=True),
        Figure(name="API status, an owner", reads=page("owner0", "/api/auto-ingest/status")),
        Figure(name="API pending, an owner", reads=page("owner0", "/api/auto-ingest/pending"), plan=True),
        Figure(name="API pending, staff", reads=page("root", "/api/auto-ingest/pending"), plan=True),
        Figure(name="admin, articles", reads=page("root", "/admin/ingest/article/"), plan=True),
        Figure(name="numbers of 20 topics", reads=lambda: numbers_of(topics[:20]), plan=True),
        Figure(name="pending of a topic, for a run", reads=lambda: store.pending_candidates(heavy.pk, 100), plan=True),
        Figure(name="dedupe by address, 100 entries", reads=lambda: store.only_new(heavy.pk, known), plan=True),
        Figure(
            name="dedupe by text: the stories of 60 days (12 / at most 5,000)",
            reads=lambda: clusters.recent_stories(heavy.pk),
            plan=True,
        ),
        Figure(name="duplicates without a root", reads=lambda: clusters.mend_clusters(light), plan=True),
        Figure(name="what a run has decided", reads=lambda: store.count_decisions(RUN, heavy.pk), plan=True),
        Figure(name="preview: the newest 200 (all / 200)", reads=lambda: preview.newest(heavy, 200), plan=True),
        Figure(name="which topics have a source due", reads=lambda: list(topics_due(timezone.now())), plan=True),
        Figure(name="50 entries stored and deleted", reads=add),
        Figure(name="counts are summed up", reads=counts.ARTICLES.sum_up),
    ]  # fmt: skip


def head() -> list[str]:
    """The beginning of the page."""
    return [
        "# A million articles, ten thousand sources\n",
        "Written by `make bench` (`benchmarks/articles_scale.py`). Two databases on one server, one with 1,000\n"
        f"articles and 1,000 sources, one with {LARGE:,} and 10,000, measured in turns: whole pages through Django's\n"
        "test client and the functions of a run, milliseconds, medians. 10 owners with 20 topics each; one topic has\n"
        "3 of 10 articles. 40 % are added, 30 % below the threshold, 100 wait. 20 words each, some in every text,\n"
        "most in hardly any. Target: at most 3 ×. A page that shows more articles takes longer to draw: their number\n"
        "is beside it. The stories that a run compares with are the latest 5,000 at most: from there on it is flat.\n",
        f"Load of the machine meanwhile: {os.getloadavg()[2]:.1f}, on {os.cpu_count()} cores.\n",
    ]


def explained(plans: dict[str, str]) -> list[str]:
    """The plans."""
    return [
        "\n## Plans at a million articles\n",
        "`EXPLAIN (ANALYZE, BUFFERS)` of the slowest query behind each, its telling lines.\n",
        *(f"**{name}**\n\n```text\n{plan}\n```\n" for name, plan in plans.items()),
    ]


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
