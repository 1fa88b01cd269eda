"""The daily digest: once a day, whoever looks, whatever the clock does."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from ingest.models import Article, CollectPreferences, Topic
from ingest.preferences import change_preferences
from ingest.telling import digest
from ingest.telling.digest import send_due
from ingest.telling.texts import outcome
from notifications.models import Notification
from tasks.models import TaskRun
from tests.ingest.stored import store_article
from tests.racing import race
from tests.tasks.runs import make_run

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db(transaction=True)


def at(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def wanted(owner: User) -> CollectPreferences:
    """The owner wants a digest at seven, and had the last on the first of March."""
    return CollectPreferences.objects.create(
        owner=owner, digest=True, digest_hour=7, digest_sent_on=at(1, 7).date(), digest_until=at(1, 7)
    )


def add(topic: Topic, title: str, when: datetime, **values: Any) -> Article:
    return store_article(topic, title, "approved", decided_at=when, **values)


def told() -> list[str]:
    return list(Notification.objects.order_by("id").values_list("message", flat=True))


def test_it_sums_up_what_was_added_since_the_last_one_topic_by_topic(
    wanted: CollectPreferences, topic: Topic, owner: User, stranger: User
) -> None:
    rail = Topic.objects.create(owner=owner, name="Rail")
    foreign = Topic.objects.create(owner=stranger, name="Foreign")
    add(topic, "Told before", at(1, 6, 59))
    add(topic, "Good", at(1, 12), relevance=0.7)
    add(topic, "Best", at(2, 3), relevance=0.9)
    add(rail, "Night trains", at(2, 6))
    add(foreign, "Not mine", at(2, 6))
    store_article(topic, "Not added", "filtered_relevance", decided_at=at(2, 6))
    assert send_due(at(2, 6, 59)) == 0
    assert send_due(at(2, 7)) == 1
    notification = Notification.objects.get()
    assert (notification.username, notification.type, notification.link) == (
        "owner", "collect_digest", "/keyword-alerts/"
    )  # fmt: skip
    assert notification.title == "Digest: 3 articles added"
    assert notification.message == "Energy: 2, above all “Best”. Rail: 1, above all “Night trains”."
    assert send_due(at(2, 7, 1)) == send_due(at(2, 23)) == 0


def test_nothing_is_sent_when_nothing_was_added_and_the_day_is_settled(
    wanted: CollectPreferences, topic: Topic
) -> None:
    assert send_due(at(2, 7)) == 0
    add(topic, "Later that day", at(2, 8))
    assert send_due(at(2, 9)) == 0
    assert send_due(at(3, 7)) == 1
    assert told() == ["Energy: 1, above all “Later that day”."]


def test_what_is_saved_while_it_is_sent_is_in_the_next_one_and_in_one_alone(
    wanted: CollectPreferences, topic: Topic
) -> None:
    add(topic, "Settled", at(2, 6, 58))
    add(topic, "On its way", at(2, 6, 59) + timedelta(seconds=30))
    send_due(at(2, 7))
    send_due(at(3, 7))
    assert told() == ["Energy: 1, above all “Settled”.", "Energy: 1, above all “On its way”."]


def test_after_days_of_downtime_one_digest_makes_up_for_them(wanted: CollectPreferences, topic: Topic) -> None:
    for day in (2, 3, 4):
        add(topic, f"Of the {day}.", at(day, 12))
    assert send_due(at(5, 3)) == 1, "yesterday's was missed: it does not wait for today's hour"
    assert Notification.objects.get().title == "Digest: 3 articles added"
    add(topic, "Fresh", at(5, 5))
    assert send_due(at(5, 7)) == 1
    assert told()[-1] == "Energy: 1, above all “Fresh”."


def test_however_many_workers_look_one_sends(wanted: CollectPreferences, topic: Topic) -> None:
    add(topic, "News", at(2, 3))
    answers = race(*[lambda: send_due(at(2, 7))] * 6)
    assert sorted(answers) == [0, 0, 0, 0, 0, 1]  # type: ignore[type-var]
    assert Notification.objects.count() == 1


def test_a_digest_that_could_not_be_told_is_still_due(
    wanted: CollectPreferences, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(topic, "News", at(2, 3))

    def killed(**_fields: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(digest.facade, "create_notification", killed)
    with pytest.raises(KeyboardInterrupt):
        send_due(at(2, 7))
    monkeypatch.undo()
    assert send_due(at(2, 7, 1)) == 1


@pytest.mark.parametrize(
    ("zone", "first"),
    [("Europe/Berlin", at(27, 0)), ("Europe/Berlin", at(23, 0, month=10)), ("Africa/Cairo", at(22, 0, month=4)),
     ("America/New_York", at(30, 0, month=10)), ("Pacific/Apia", at(1, 0))],
)  # fmt: skip
def test_through_a_change_of_clocks_there_is_one_a_day_at_its_hour(
    settings: Settings, zone: str, first: datetime
) -> None:
    settings.TIME_ZONE = zone
    for hour in range(24):
        sent_on = digest.day_of(hour, first)
        sent = []
        for half_hours in range(2 * 24 * 5):
            moment = first + timedelta(minutes=30 * half_hours)
            if sent_on < digest.day_of(hour, moment):
                sent_on = digest.day_of(hour, moment)
                sent.append(timezone.localtime(moment))
        days = [local.date() for local in sent]
        # Five times 24 hours are an hour more or less than five days where the clocks change.
        assert [one - days[0] for one in days] == [timedelta(days=number) for number in range(len(days))], hour
        assert sent[0] - first < timedelta(hours=25) and moment - sent[-1] < timedelta(hours=25), hour
        assert all(local.hour in {hour, hour + 1} and local.minute == 0 for local in sent), hour
        assert sum(local.hour != hour for local in sent) <= 1, "only where the clocks leave it out"


def test_the_database_finds_those_whose_last_digest_is_before_the_day_that_is_due(
    settings: Settings, wanted: CollectPreferences
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    for hour in (0, 2, 7, 23):
        for sent_on in (None, at(28, 0).date(), at(29, 0).date(), at(30, 0).date()):
            CollectPreferences.objects.update(digest_hour=hour, digest_sent_on=sent_on)
            for moment in (at(29, 0, 30), at(29, 1, 30), at(29, 5), at(29, 21), at(29, 22)):
                is_due = sent_on is None or sent_on < digest.day_of(hour, moment)
                found = CollectPreferences.objects.filter(digest.is_due(moment)).exists()
                assert found is is_due, (hour, sent_on, moment)


def test_who_turns_it_on_hears_of_what_is_added_from_then_on(owner: User, topic: Topic) -> None:
    add(topic, "Long ago", timezone.now() - timedelta(hours=3))
    change_preferences(owner, digest=True, digest_hour=timezone.localtime().hour)
    assert send_due() == 0
    tomorrow = timezone.now() + timedelta(days=1)
    add(topic, "News", timezone.now() + timedelta(hours=1))
    assert send_due(tomorrow) == 1
    assert told() == ["Energy: 1, above all “News”."]
    change_preferences(owner, digest=False)
    add(topic, "More", tomorrow + timedelta(hours=1))
    assert send_due(tomorrow + timedelta(days=1)) == 0


def test_who_may_not_sign_in_is_told_nothing(wanted: CollectPreferences, topic: Topic, owner: User) -> None:
    add(topic, "News", at(2, 3))
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert send_due(at(2, 7)) == 0


def test_every_worker_looks_for_digests() -> None:
    assert "ingest.telling.digest.send_due" in project.TASKS_CLOCKS


# -- preferences -------------------------------------------------------------------------------------------------------


def test_preferences_are_changed_on_their_page(client_of: ClientOf, owner: User) -> None:
    client, page = client_of(owner), reverse("collect-preferences")
    assert "checked" in client.get(page).content.decode()
    assert client.post(page, {"digest": "on", "digest_hour": "18"}).headers["Location"] == page
    mine = CollectPreferences.objects.get(owner=owner)
    assert (mine.auto_processing, mine.digest, mine.digest_hour) == (False, True, 18)
    assert client.post(page, {"digest_hour": "25"}).status_code == 422
    assert not CollectPreferences.objects.exclude(owner=owner).exists()


def test_preferences_are_read_and_changed_over_the_api(client_of: ClientOf, owner: User, stranger: User) -> None:
    path = "/api/auto-ingest/preferences"
    assert client_of(owner).get(path).json() == {
        "success": True, "auto_processing": True, "digest": False, "digest_hour": 7, "time_zone": "UTC"
    }  # fmt: skip
    changed = client_of(owner).patch(path, {"auto_processing": False}, content_type="application/json").json()
    assert (changed["auto_processing"], changed["digest"]) == (False, False)
    assert client_of(stranger).get(path).json()["auto_processing"] is True
    for wrong in ({"digest_hour": 24}, {"digest": "perhaps"}):
        assert client_of(owner).patch(path, wrong, content_type="application/json").status_code == 422


# -- one for each run --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tell", "added", "metadata", "is_told"),
    [
        ("each", 0, {"schedule": "sources"}, True),
        ("each", 3, {}, True),
        ("added", 3, {"schedule": "sources"}, True),
        ("added", 0, {"schedule": "sources"}, False),
        ("added", 0, {}, True),
        ("added", 0, {"schedule": "Nightly", "started_by": "owner"}, True),
        ("never", 3, {}, False),
        ("never", 0, {"schedule": "sources"}, False),
    ],
)
def test_a_topic_says_of_which_collections_its_owner_is_told(
    topic: Topic, owner: User, tell: str, added: int, metadata: dict[str, str], is_told: bool
) -> None:
    Topic.objects.filter(pk=topic.pk).update(tell=tell)
    run = make_run(owner, metadata=metadata)
    run.status, run.kwargs = "completed", {"topic_id": topic.pk}
    run.result = {"topic_id": topic.pk, "processed": 5, "decisions": {"approved": added, "duplicate": 5 - added}}
    draft = outcome(run)
    assert (draft is not None) is is_told
    assert draft is None or draft.type == "auto_ingest_complete"
    run.status, run.result = "failed", None
    assert outcome(run).type == "auto_ingest_error"  # type: ignore[union-attr]


def test_of_several_topics_one_that_wants_it_is_enough(topic: Topic, owner: User) -> None:
    other = Topic.objects.create(owner=owner, name="Rail", tell="each")
    Topic.objects.filter(pk=topic.pk).update(tell="never")
    run = make_run(owner, metadata={"schedule": "sources"})
    each = [{"topic_id": one.pk, "decisions": {}} for one in (topic, other)]
    run.status, run.result = "completed", {"processed": 0, "decisions": {}, "topics": each}
    assert outcome(run) is not None
    Topic.objects.update(tell="never")
    assert outcome(run) is None
    assert TaskRun.objects.count() == 1
