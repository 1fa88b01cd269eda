"""Bulk analysis: addresses somebody pasted, judged by a topic's rules, kept only if asked to."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from tasks.db import in_thread

from . import store
from .canonical import canonical_url
from .fetch import Fetcher
from .models import Article, Topic
from .notebook import Notebook, key_of
from .outcomes import outcome_of
from .relevance import Rules
from .reporting import Reporter
from .rules import rules_of
from .service import process_articles_batch

MAX_URLS = 500


async def analyse_urls(
    urls: Sequence[str],
    topic_name: str,
    *,
    owner_id: int | None,
    relevance_threshold: float | None,
    save: bool,
    progress: Reporter,
    run_id: UUID,
    fetcher: Fetcher | None = None,
    notebook: Notebook | None = None,
) -> dict[str, Any]:
    """Read every address once. With `save` they become articles of the topic, which is made if need be.

    Without a topic of that name, the name itself is the keyword. A run that retries what failed reads those addresses
    alone.
    """
    notebook = notebook or Notebook(run_id)
    topic, rules = await in_thread(_topic_and_rules, owner_id, topic_name, save=save)
    if relevance_threshold is not None:
        rules = replace(rules, relevance_threshold=relevance_threshold)
    only = notebook.only
    wanted = {url: one for url, one in _candidates(urls).items() if only is None or key_of(one.url) in only}
    candidates = list(wanted.values())
    done = 0
    if save:
        await in_thread(store.add_articles, topic.pk, None, wanted)
        candidates, done = await in_thread(_to_do, topic.pk, list(wanted), run_id, again=notebook.only is not None)
    async with fetcher or Fetcher() as client:
        tally = await process_articles_batch(
            topic,
            candidates,
            progress=progress,
            run_id=run_id,
            fetcher=client,
            rules=rules,
            done_before=done,
            save=save,
            keep_results=True,
            notebook=notebook,
        )
    decisions, failures = tally.in_all()
    if save:
        decisions, failures = await in_thread(store.count_decisions, run_id)
    return {
        **outcome_of(topic, decisions, failures, tally, dry_run=not save),
        "urls": len(urls),
        "known": len(wanted) - len(candidates) - done,
        "results": tally.results,
    }


def _topic_and_rules(owner_id: int | None, name: str, *, save: bool) -> tuple[Topic, Rules]:
    topic = Topic.objects.filter(owner_id=owner_id, name=name).first()
    if topic is None and save and owner_id is not None:
        topic, created = Topic.objects.get_or_create(owner_id=owner_id, name=name)
        if created:
            topic.keywords.create(phrase=name)
    if topic is None:
        return Topic(name=name), Rules(include=(name,))
    return topic, rules_of(topic)


def _candidates(urls: Sequence[str]) -> dict[str, store.Candidate]:
    found: dict[str, store.Candidate] = {}
    for url in urls:
        try:
            address = canonical_url(url)
        except ValueError:
            # It still gets its row and its decision: failed, with the reason.
            address = url
        found.setdefault(address, store.Candidate(id=-len(found) - 1, url=url))
    return found


def _to_do(topic_id: int, addresses: list[str], run_id: UUID, *, again: bool) -> tuple[list[store.Candidate], int]:
    rows = Article.objects.filter(topic_id=topic_id, canonical_url__in=addresses)
    ids = list(rows.values_list("pk", flat=True))
    if again:
        store.reopen_failed(topic_id, ids, run_id)
    return store.pending_candidates(topic_id, ids=ids), rows.decided_by(run_id).count()
