"""Bulk analysis: addresses somebody pasted, judged by a topic's rules or by keywords, kept only if asked to.

The addresses are the run's items: given to it before it starts, and each told how it ended. So an attempt finds what
the last one left, and ten thousand of them weigh nothing on the run's own row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tasks.db import in_thread

from . import store
from .collecting.notebook import Notebook
from .collecting.outcomes import outcome_of, row_of_article
from .collecting.reporting import Reporter
from .decisions import Decision
from .duplicates.canonical import canonical_url
from .fetching.fetch import Fetcher
from .models import Article, Topic
from .reading.relevance import Rules
from .rules import read_lines, rules_of
from .service import process_articles_batch
from .store import Candidate

if TYPE_CHECKING:
    from tasks.ledger import Items


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What somebody asked for. Without keywords or a topic of that name, the name itself is the keyword."""

    topic: str
    owner_id: int | None
    keywords: Sequence[str] = ()  # lines, as rules.py reads them; in place of the topic's own
    relevance_threshold: float | None = None
    save: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What this attempt has before it. `noted`: rows of what is decided; `known` of them the topic had before."""

    topic: Topic
    rules: Rules
    candidates: list[Candidate]
    noted: list[dict[str, Any]]
    known: int


async def analyse_listed(
    order: Order,
    *,
    progress: Reporter,
    run_id: UUID,
    items: "Items",
    notebook: Notebook,
    fetcher: Fetcher | None = None,
) -> dict[str, Any]:
    """Read and judge what is left of the run's list. With `save` they become articles of the topic, made if need be.

    Returns the numbers of all attempts, as they are kept with the run; how each address ended is in its ledger.
    """
    work = await in_thread(_prepare, order, items, notebook, run_id)
    async with fetcher or Fetcher() as client:
        tally = await process_articles_batch(
            work.topic,
            work.candidates,
            progress=progress,
            run_id=run_id,
            fetcher=client,
            rules=work.rules,
            save=order.save,
            noted=work.noted,
            notebook=notebook,
        )
    decisions, failures = tally.in_all()
    return {
        **outcome_of(work.topic, decisions, failures, tally, dry_run=not order.save),
        "urls": len(work.noted) + len(work.candidates),
        "known": work.known,
    }


def by_address(urls: Iterable[str]) -> dict[str, str]:
    """The first of each page's addresses, by its canonical one. What is no web address stands for itself, and fails."""
    found: dict[str, str] = {}
    for url in urls:
        try:
            found.setdefault(canonical_url(url), url)
        except ValueError:
            found.setdefault(url, url)
    return found


def rules_for(order: Order) -> tuple[Topic | None, Rules]:
    """By which rules it is judged, and the topic they come from if there is one. Raises rules.BadKeyword."""
    topic = Topic.objects.filter(owner_id=order.owner_id, name=order.topic).first()
    if order.keywords or topic is None:
        keywords = read_lines(order.keywords or [order.topic])
        rules = Rules(include=keywords.include, exclude=keywords.exclude)
    else:
        rules = rules_of(topic)
    if order.relevance_threshold is not None:
        rules = replace(rules, relevance_threshold=order.relevance_threshold)
    return topic, rules


def _prepare(order: Order, items: "Items", notebook: Notebook, run_id: UUID) -> Work:
    topic, rules = rules_for(order)
    if topic is None and order.save and order.owner_id is not None:
        topic, created = Topic.objects.get_or_create(owner_id=order.owner_id, name=order.topic)
        if created:
            topic.keywords.create(phrase=order.topic)
    topic = topic or Topic(name=order.topic)
    noted = notebook.rows(topic)
    urls = [given["url"] if given else key for key, given in items.left()]
    if not order.save:
        candidates = [Candidate(id=-number, url=url) for number, url in enumerate(urls, start=1)]
        return Work(topic=topic, rules=rules, candidates=candidates, noted=noted, known=0)
    candidates, told = _stored(topic, urls, run_id)
    for row in told:
        notebook.tell(row)
    known = sum(row["known"] for row in [*noted, *told] if "known" in row)
    return Work(topic=topic, rules=rules, candidates=candidates, noted=[*noted, *told], known=known)


def _stored(topic: Topic, urls: Sequence[str], run_id: UUID) -> tuple[list[Candidate], list[dict[str, Any]]]:
    """The articles of these addresses that are to be decided, in their order, and rows of those that are decided.

    What failed for another run is tried again: somebody asked for it by name. What an earlier attempt of this one has
    decided and not told of any more stays decided.
    """
    wanted = by_address(urls)
    store.add_articles(topic.pk, None, {address: Candidate(id=0, url=url) for address, url in wanted.items()})
    there = Article.objects.filter(topic=topic, canonical_url__in=list(wanted))
    store.reopen_failed(topic.pk, list(there.values_list("pk", flat=True)), run_id)
    rows = {row.canonical_url: row for row in there.defer("text", "summary").select_related("source")}
    candidates, told = [], []
    for address, url in wanted.items():
        row = rows.get(address)
        if row is None:  # deleted in this very moment; it is read all the same, and saved nowhere
            continue
        if row.decision == Decision.PENDING:
            source = row.source.title if row.source else ""
            candidates.append(
                Candidate(
                    id=row.pk, url=url, title=row.title, author=row.author, published_at=row.published_at, source=source
                )
            )
        else:
            told.append(row_of_article(row, url, run_id))
    return candidates, told
