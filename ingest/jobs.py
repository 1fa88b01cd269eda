"""The task functions of this room. Standard Django tasks: what they do is in service.py."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.tasks import TaskResult
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from live import audit
from notifications.languages import in_language_of
from tasks import lifecycle
from tasks.db import in_thread
from tasks.decorators import task
from tasks.exceptions import AlreadyRunning, DoNotRetry, TransitionRefused
from tasks.manager import create_task_of_items
from tasks.models import TaskRun

from . import bulk
from .analyzed import ARTICLES
from .collecting.notebook import Notebook, key_of
from .collecting.outcomes import merge_outcomes
from .judging.recheck import run_recheck
from .models import Topic
from .service import run_auto_ingest

if TYPE_CHECKING:
    from tasks.backend import TaskContext

# One person's waiting runs, beyond which no bulk analysis is taken: more is a mistake, or an attack.
MAX_WAITING = 50
BULK_AT_LEAST, BULK_PER_URL = timedelta(minutes=30), timedelta(seconds=2)


@task(
    takes_context=True,
    max_attempts=3,
    timeout=timedelta(minutes=30),
    title=_("Auto-Collect"),
    notification="ingest.telling.texts.outcome",
    item_style=ARTICLES,
)
async def collect(
    context: "TaskContext",
    topic_id: int | None = None,
    limit: int | None = None,
    dry_run: bool = False,
    sources: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Collect one topic, or with None every topic of the run's owner, one after the other.

    With `sources`, the sources of these ids alone are read.
    """
    topics = await in_thread(_topics, context.owner_id, topic_id)
    if topic_id is not None and not topics:
        raise DoNotRetry(gettext("This topic does not exist any more."))
    notebook = _notebook_of(context)
    outcomes: list[dict[str, Any]] = []
    for topic in topics:
        left = None if limit is None else max(0, limit - sum(one["processed"] for one in outcomes))
        outcomes.append(
            await run_auto_ingest(
                topic,
                progress=context.progress,
                run_id=context.run_id,
                limit=left,
                sources=sources,
                dry_run=dry_run,
                counted_before=sum(one["processed"] for one in outcomes),
                notebook=notebook,
            )
        )
    return outcomes[0] if len(outcomes) == 1 else merge_outcomes(outcomes, dry_run=dry_run)


@task(
    takes_context=True,
    max_attempts=3,
    title=_("Bulk analysis"),
    notification="ingest.telling.texts.bulk_outcome",
    item_style=ARTICLES,
)
async def bulk_analysis(
    context: "TaskContext",
    topic: str,
    keywords: Sequence[str] = (),
    relevance_threshold: float | None = None,
    save: bool = False,
) -> dict[str, Any]:
    """Read and judge the pages this run was given, by the rules of `topic` or by `keywords`; keep them if `save`.

    To be started by `start_bulk_analysis`: the addresses are the run's items.
    """
    order = bulk.Order(
        topic=topic,
        owner_id=context.owner_id,
        keywords=keywords,
        relevance_threshold=relevance_threshold,
        save=save,
    )
    return await bulk.analyse_listed(
        order, progress=context.progress, run_id=context.run_id, items=context.items, notebook=_notebook_of(context)
    )


@task(
    takes_context=True,
    max_attempts=3,
    timeout=timedelta(hours=2),
    title=_("Re-check"),
    notification="ingest.telling.texts.recheck_outcome",
)
async def recheck(context: "TaskContext", topic_id: int) -> dict[str, Any]:
    """Judge the stored articles of a topic by its rules of today."""
    return await run_recheck(topic_id, progress=context.progress, run_id=context.run_id, checkpoint=context.checkpoint)


def _notebook_of(context: "TaskContext") -> Notebook:
    return Notebook(context.run_id, checkpoint=context.checkpoint, items=context.items)


def start_collecting(
    user: AbstractBaseUser,
    topic: Topic | None,
    *,
    limit: int | None = None,
    dry_run: bool = False,
    sources: Sequence[int] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> TaskResult:
    """Enqueue a collection of `topic` (None: of all topics of `user`) for the topic's owner.

    With `sources`, of the sources of these ids alone. `metadata`: what else to remember with the run. Raises
    tasks.exceptions.AlreadyRunning when it is being collected already: the database decides.
    """
    if topic is None:
        configured = collect.using(
            owner=user, topic="all-topics", unique=_key_of_all(user.pk), metadata={"topic_name": "", **(metadata or {})}
        )
    else:
        configured = collect.using(
            owner=topic.owner,
            topic=topic.channel,
            unique=unique_key(topic),
            title=_titled(topic.owner_id, _("Auto-Collect: %(topic)s"), topic.name),
            metadata={"topic_id": topic.pk, "topic_name": topic.name, **(metadata or {})},
        )
    with transaction.atomic():
        # Whoever starts a collection locks the topics it would read: of two that overlap the second sees the first.
        wanted = Topic.objects.filter(owner_id=user.pk) if topic is None else Topic.objects.filter(pk=topic.pk)
        locked = list(wanted.select_for_update(of=["self"]).order_by("pk"))
        rivals = [unique_key(one) for one in locked] if topic is None else [_key_of_all(topic.owner_id)]
        rival = TaskRun.objects.live().filter(unique_key__in=rivals).first()
        if rival is not None:
            raise AlreadyRunning(rival.pk, rival.unique_key)
        options: dict[str, Any] = {} if sources is None else {"sources": list(sources)}
        return configured.enqueue(topic_id=None if topic is None else topic.pk, limit=limit, dry_run=dry_run, **options)


def start_recheck(topic: Topic) -> TaskResult:
    """Enqueue a re-check of `topic` for its owner. Raises AlreadyRunning: there is one at a time, which goes by the
    rules of the moment anyway.
    """
    configured = recheck.using(
        owner=topic.owner,
        topic=topic.channel,
        unique=recheck_key(topic),
        title=_titled(topic.owner_id, _("Re-check: %(topic)s"), topic.name),
        metadata={"topic_id": topic.pk, "topic_name": topic.name},
    )
    return configured.enqueue(topic_id=topic.pk)


def start_scheduled(owner: AbstractBaseUser | None, kwargs: dict[str, Any]) -> TaskResult:
    """Enqueue a collection for a schedule of `owner`. Raises LookupError, and AlreadyRunning as above."""
    if owner is None:
        raise LookupError(gettext("A collection needs somebody whose topics it collects."))
    options = dict(kwargs)
    topic_id = options.pop("topic_id", None)
    topic = None
    if topic_id is not None:
        topic = Topic.objects.filter(owner_id=owner.pk, pk=topic_id).first()
        if topic is None:
            raise LookupError(
                gettext("%(owner)s has no topic %(topic)s.") % {"owner": owner.get_username(), "topic": topic_id}
            )
    return start_collecting(owner, topic, **options)


def start_bulk_analysis(
    user: AbstractBaseUser,
    urls: Sequence[str],
    topic: str,
    *,
    keywords: Sequence[str] = (),
    relevance_threshold: float | None = None,
    save: bool = False,
) -> UUID:
    """Enqueue a bulk analysis of `urls` for `user`: each page is read once. Returns the run's id."""
    urls = list(bulk.by_address(urls).values())
    configured = bulk_analysis.using(
        owner=user,
        topic=topic,
        title=_titled(user.pk, _("Bulk analysis: %(topic)s"), topic),
        metadata={"topic_name": topic},
        # Long enough for servers that all let us wait as long as they may.
        timeout=BULK_AT_LEAST + BULK_PER_URL * len(urls),
    )
    return create_task_of_items(
        configured,  # type: ignore[arg-type]
        ((key_of(url), None if key_of(url) == url else {"url": url}) for url in urls),
        topic=topic,
        keywords=list(keywords),
        relevance_threshold=relevance_threshold,
        save=save,
    )


def places_left(user: AbstractBaseUser) -> int:
    """How many more bulk analyses `user` may put in line now."""
    return MAX_WAITING - TaskRun.objects.live().filter(owner_id=user.pk).count()


def delete_topic(topic: Topic, *, by: AbstractBaseUser) -> None:
    """The topic with its articles, for good. What runs for it is cancelled."""
    stop_runs_of(topic, by=by)
    with transaction.atomic():
        audit.record("topic.deleted", topic, by=by, articles=topic.articles.count())
        topic.delete()


def stop_runs_of(topic: Topic, *, by: AbstractBaseUser) -> None:
    """Cancel what runs for `topic`, which is about to be deleted."""
    for run in TaskRun.objects.live().filter(unique_key__in=[unique_key(topic), recheck_key(topic)]):
        # Refused: it ended first.
        with suppress(TransitionRefused), in_language_of(run.owner_id):
            lifecycle.cancel(run, by=by, reason=gettext("The topic was deleted."))


def _titled(owner_id: int, title: Any, topic: str) -> str:
    """The title of a run in its owner's language; `title` is lazy, with a place for the topic."""
    with in_language_of(owner_id):
        said: str = title % {"topic": topic}
    return said


def unique_key(topic: Topic) -> str:
    """While a run with this key is live, no second one can be enqueued."""
    return f"auto-ingest:{topic.pk}"


def recheck_key(topic: Topic) -> str:
    """While a run with this key is live, no second re-check can be enqueued."""
    return f"recheck:{topic.pk}"


def _key_of_all(owner_id: int) -> str:
    return f"auto-ingest:owner:{owner_id}"


def _topics(owner_id: int | None, topic_id: int | None) -> list[Topic]:
    topics = Topic.objects.filter(owner_id=owner_id) if owner_id is not None else Topic.objects.all()
    return list(topics.filter(pk=topic_id) if topic_id is not None else topics)
