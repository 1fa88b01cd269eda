"""The daily digest: one notification a day that sums up what was added to a person's topics.

Every worker calls `send_due` (setting TASKS_CLOCKS). The row lock and the condition on the day decide who sends: the
day, the time it is summed up to, and the notification are one transaction, so N workers send one. A day that was missed
is made up for once, by a digest of all that was added since the last; a day on which nothing was added has none.
"""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingest.models import Article, CollectPreferences
from ingest.reading.text import clip
from live.numbers import grouped
from notifications import facade
from notifications.languages import in_language_of
from tasks.db import database_now

AT_ONCE = 500  # people told in one look
# What is decided right now may be saved a moment later: it belongs to the next day.
SETTLED = timedelta(minutes=1)
NAMED = 10  # topics named in one digest


def send_due(now: datetime | None = None) -> int:
    """Send every digest that is due. Returns how many people were told. Safe to call anywhere, at any time, by
    anybody.
    """
    moment = now or database_now()
    due = CollectPreferences.objects.filter(is_due(moment)).order_by("pk").values_list("pk", flat=True)
    return sum(_send(pk, moment) for pk in list(due[:AT_ONCE]))


def is_due(moment: datetime) -> Q:
    """Whose digest is due at `moment`: their hour has come, on the site's clock, since their last one.

    By the wall: an hour that a change of clocks leaves out is reached by the next one, and one that comes twice finds
    the day settled. The rows are those whose `digest_sent_on` is before `day_of` their hour.
    """
    local = timezone.localtime(moment)
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    settled = Q(digest_hour__lte=local.hour, digest_sent_on__gte=today) | Q(
        digest_hour__gt=local.hour, digest_sent_on__gte=yesterday
    )
    return Q(digest=True, owner__is_active=True) & (Q(digest_sent_on=None) | ~settled)


def day_of(hour: int, moment: datetime) -> date:
    """The day whose digest, at `hour`, was the last to become due at `moment`."""
    local = timezone.localtime(moment)
    return local.date() if hour <= local.hour else local.date() - timedelta(days=1)


def _send(pk: int, moment: datetime) -> bool:
    with transaction.atomic():
        still_due = CollectPreferences.objects.filter(is_due(moment), pk=pk).select_related("owner")
        mine = still_due.select_for_update(of=["self"], skip_locked=True).first()
        if mine is None:
            return False  # another worker sends it, or has sent it
        until = moment - SETTLED
        since = mine.digest_until or until - timedelta(days=1)
        mine.digest_sent_on, mine.digest_until = day_of(mine.digest_hour, moment), max(since, until)
        mine.save(update_fields=["digest_sent_on", "digest_until"])
        with in_language_of(mine.owner_id):
            return _tell(mine, since, until)


def _tell(preferences: CollectPreferences, since: datetime, until: datetime) -> bool:
    added = Article.objects.approved().filter(
        topic__owner=preferences.owner_id, decided_at__gt=since, decided_at__lte=until
    )
    numbers = list(added.order_by().values_list("topic", "topic__name").annotate(n=Count("pk")).order_by("-n", "topic"))
    if not numbers:
        return False
    best = dict(added.order_by("topic", "-relevance", "-pk").distinct("topic").values_list("topic", "title").iterator())
    said = [
        _("%(topic)s: %(count)s, above all “%(title)s”.")
        % {"topic": name, "count": grouped(n), "title": clip(best[pk], 100)}
        for pk, name, n in numbers[:NAMED]
    ]
    if left := len(numbers) - NAMED if len(numbers) > NAMED else 0:
        more = ngettext("And %(count)s in %(topics)s more topic.", "And %(count)s in %(topics)s more topics.", left)
        said.append(more % {"count": grouped(sum(n for *_which, n in numbers[NAMED:])), "topics": grouped(left)})
    total = sum(n for *_which, n in numbers)
    title = ngettext("Digest: %(count)s article added", "Digest: %(count)s articles added", total)
    facade.create_notification(
        username=preferences.owner.get_username(),
        type="collect_digest",
        title=title % {"count": grouped(total)},
        message=" ".join(said),
        link=reverse("topic-detail", args=[numbers[0][0]]) if len(numbers) == 1 else reverse("keyword-alerts"),
    )
    return True
