"""Re-check: the stored articles of a topic, judged anew by the rules of today. Nothing is fetched.

An article keeps the stamp of the rules it was judged by, so what is left to do is asked of the database: those whose
stamp is another. A batch of verdicts and the checkpoint are one transaction; each verdict is written only while its
article is as it was read. So a run that is killed goes on with what is left, one that meets a collection loses no
decision of it, and when the rules change on the way, it goes on by the new ones until every stamp is today's.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import batched
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingest.analyzers.protocol import LOCAL
from ingest.children import AnalysisError, in_child
from ingest.collecting.outcomes import came_in, went
from ingest.collecting.reporting import Reporter, Stage
from ingest.decisions import Decision
from ingest.duplicates import clusters
from ingest.duplicates.dedupe import Known, Seen
from ingest.models import Article, Topic
from ingest.reading.relevance import Rules
from ingest.rules import rules_of
from live.numbers import grouped
from tasks.db import in_thread
from tasks.exceptions import DoNotRetry

from .preview import COLUMNS, stored_of
from .rejudge import Rejudged, rejudge

if TYPE_CHECKING:
    from tasks.checkpoint import Checkpoint

BATCH = 25
AT_ONCE = 50_000  # ids held at a time
# What one text costs grows with its length; the longest that we keep has so many characters.
MAX_TEXT = 1_000_000


def to_recheck(topic: Topic, rules: Rules, limit: int = 10_000) -> int:
    """How many of the topic's articles were judged by other rules than `rules`; counts no further than `limit`."""
    return Article.objects.filter(topic_id=topic.pk).judged_otherwise(rules.stamp).order_by()[:limit].count()


async def run_recheck(
    topic_id: int, *, progress: Reporter, run_id: UUID, checkpoint: "Checkpoint | None" = None
) -> dict[str, Any]:
    """Judge every article of the topic whose rules are not those of today. Returns the numbers, as they are kept with
    the run; those of earlier attempts are included. Raises DoNotRetry when the topic is gone.
    """
    return await _Recheck(topic_id, progress, run_id, checkpoint).run()


class _Recheck:
    def __init__(self, topic_id: int, progress: Reporter, run_id: UUID, checkpoint: "Checkpoint | None") -> None:
        self._topic_id, self._progress, self._run_id, self._checkpoint = topic_id, progress, run_id, checkpoint
        noted = checkpoint.value if checkpoint is not None else None
        if not isinstance(noted, dict) or noted.get("run") != str(run_id):
            noted = {}  # a person's retry counts for itself
        self._judged = int(noted.get("judged", 0))
        self._failed = int(noted.get("failed", 0))
        self._moved: Counter[str] = Counter(noted.get("moved", {}))
        self._seen = Seen()

    async def run(self) -> dict[str, Any]:
        try:
            topic, rules, ids = await in_thread(self._look)
            while ids:
                total = self._judged + len(ids)
                self._progress.update(
                    processed=self._judged, total=total, stage=str(Stage.RECHECKING), message=self._words(total)
                )
                await self._through(ids, rules, total)
                topic, rules, ids = await in_thread(self._look)
        finally:
            # Also when it is cancelled half-way: the story of an article that went must not be lost.
            promoted = await in_thread(self._mend)
        if promoted:
            self._moved["duplicate>approved"] += promoted
        moved = {pair: number for pair, number in self._moved.items() if number}
        return {
            "topic_id": topic.pk,
            "topic": topic.name,
            "processed": self._judged,
            "added": sum(number for pair, number in moved.items() if pair.endswith(">approved")),
            "removed": sum(number for pair, number in moved.items() if pair.startswith("approved>")),
            "changed": sum(moved.values()),
            "failed": self._failed,
            "moved": [
                {"from": pair.split(">")[0], "to": pair.split(">")[1], "articles": n} for pair, n in moved.items()
            ],
        }

    def _look(self) -> tuple[Topic, Rules, list[int]]:
        """The topic as it is now, its rules, and the articles that are left, oldest first."""
        topic = _topic(self._topic_id)
        rules = rules_of(topic)
        left = topic.articles.judged_otherwise(rules.stamp).order_by("id")  # type: ignore[attr-defined]
        self._seen = Seen(clusters.recent_stories(topic.pk))
        return topic, rules, list(left.values_list("id", flat=True)[:AT_ONCE])

    async def _through(self, ids: Sequence[int], rules: Rules, total: int) -> None:
        """Judge the articles `ids`, as long as the rules stay what they are."""
        for some in batched(ids, BATCH):
            articles = await in_thread(_load, some, rules.stamp)
            if articles:
                self._progress.update(current_item=articles[0].title)
            found = await self._judge(articles, rules)
            if not await in_thread(self._write, articles, found, rules):
                self._progress.update(message=_("The rules were changed meanwhile: going on by the new ones"))
                return
            self._progress.update(processed=self._judged, message=self._words(total))

    async def _judge(self, articles: Sequence[Article], rules: Rules) -> dict[int, Rejudged]:
        """The articles judged, by id; one that no child survives is left out."""
        stored = [stored_of(article, MAX_TEXT) for article in articles]
        try:
            return {one.id: one for one in await in_child(rejudge, stored, rules)}
        except AnalysisError:
            if len(articles) == 1:
                return {}
        found: dict[int, Rejudged] = {}
        for article in articles:
            found |= await self._judge([article], rules)
        return found

    def _write(self, articles: Sequence[Article], found: dict[int, Rejudged], rules: Rules) -> bool:
        """Write the verdicts down with the checkpoint. False, and nothing is written, when the rules have changed."""
        before = (self._judged, self._failed, Counter(self._moved))
        try:
            with transaction.atomic():
                if rules_of(_topic(self._topic_id)).stamp != rules.stamp:
                    return False
                for article in articles:
                    self._note(article, found.get(article.pk), rules)
                self._judged += len(articles)
                if self._checkpoint is not None:
                    self._checkpoint.save(
                        {"run": str(self._run_id), "judged": self._judged, "failed": self._failed, "moved": self._moved}
                    )
        except BaseException:
            self._judged, self._failed, self._moved = before
            raise
        return True

    def _note(self, article: Article, one: Rejudged | None, rules: Rules) -> None:
        # As it was read: whoever decided it meanwhile, by whatever rules, decided later than we looked.
        as_read = Article.objects.filter(
            pk=article.pk, decision=article.decision, decided_at=article.decided_at, rules=article.rules
        )
        if one is None:
            # It keeps its decision, and is not tried again before the rules change once more.
            self._failed += as_read.update(rules=rules.stamp)
            return
        changes = {**_scores(article, one), "rules": rules.stamp}
        after = self._decide(article, one, rules, changes)
        if after != article.decision:
            changes |= {"decision": after, "decided_at": timezone.now(), "run": self._run_id}
        if as_read.update(**changes) and after != article.decision:
            self._moved[f"{article.decision}>{after.value}"] += 1

    def _decide(self, article: Article, one: Rejudged, rules: Rules, changes: dict[str, Any]) -> Decision:
        after = one.decision(rules)
        if after != Decision.APPROVED:
            changes["duplicate_of"] = None
            changes["reasons"].pop("duplicate", None)
        elif article.decision == Decision.DUPLICATE:
            after = Decision.DUPLICATE  # of the same article; if that one goes, the story is mended at the end
        elif article.decision != Decision.APPROVED:
            addresses = clusters.addresses_of(article.canonical_url, article.declared_url)
            twin = self._seen.twin_of(article.simhash, {*addresses, article.declared_url} - {""})
            if twin is None:
                self._seen.add(Known(id=article.pk, simhash=article.simhash, addresses=addresses))
            else:
                after = Decision.DUPLICATE
                changes["duplicate_of"] = twin.id
                changes["reasons"]["duplicate"] = {"by": twin.by, "distance": twin.distance}
        return after

    def _mend(self) -> int:
        topic = Topic.objects.filter(pk=self._topic_id).first()
        return clusters.mend_clusters(topic, run_id=self._run_id) if topic is not None else 0

    def _words(self, total: int) -> str:
        added = sum(number for pair, number in self._moved.items() if pair.endswith(">approved"))
        removed = sum(number for pair, number in self._moved.items() if pair.startswith("approved>"))
        if added or removed:
            return f"{came_in(added)}, {went(removed)}"
        return ngettext("%(count)s article to judge anew", "%(count)s articles to judge anew", total) % {
            "count": grouped(total)
        }


def _topic(topic_id: int) -> Topic:
    topic = Topic.objects.filter(pk=topic_id).first()
    if topic is None:
        raise DoNotRetry(_("This topic does not exist any more."))
    return topic


def _load(ids: Sequence[int], stamp: str) -> list[Article]:
    rows = Article.objects.filter(pk__in=ids).judged_otherwise(stamp)
    return list(rows.only(*COLUMNS).order_by("id"))


def _scores(article: Article, one: Rejudged) -> dict[str, Any]:
    """The columns of the new scores, and of the reasons for them."""
    reasons = dict(article.reasons) if isinstance(article.reasons, dict) else {}
    reasons["relevance"] = {
        "reason": one.relevance.reason, "matches": [asdict(match) for match in one.relevance.matches]
    }  # fmt: skip
    reasons["engine"] = LOCAL
    reasons.pop("engine_note", None)
    changes: dict[str, Any] = {"relevance": one.relevance.score, "analyzer": LOCAL, "reasons": reasons}
    if one.new_quality is not None:
        reasons["quality"] = one.new_quality.as_json()
        changes["quality"] = one.quality
    return changes
