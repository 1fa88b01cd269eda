"""Collections that the clock starts."""

import pytest
from django.contrib.auth.models import User

from ingest.jobs import start_collecting, unique_key
from ingest.models import Topic
from tasks import schedules
from tasks.exceptions import BadSchedule
from tasks.models import Schedule, TaskRun
from tasks.schedules import Plan, database_now

HOURLY = {"task": "ingest.jobs.collect", "cron": "0 * * * *"}


@pytest.fixture
def topic(owner: User) -> Topic:
    """A topic of the owner's."""
    return Topic.objects.create(owner=owner, name="Energy")


def fire(schedule: Schedule) -> Schedule:
    """The schedule after it was due."""
    Schedule.objects.filter(pk=schedule.pk).update(next_run_at=database_now())
    schedules.fire_due()
    schedule.refresh_from_db()
    return schedule


def test_a_topic_is_collected_by_the_clock_as_by_its_owner(owner: User, topic: Topic) -> None:
    plan = Plan(name="Energy, hourly", owner_id=owner.pk, kwargs={"topic_id": topic.pk, "limit": 5}, **HOURLY)
    run = fire(schedules.create(plan)).last_run
    assert run is not None
    assert (run.owner, run.topic, run.unique_key) == (owner, topic.channel, unique_key(topic))
    assert (run.kwargs["limit"], run.metadata["topic_name"]) == (5, "Energy")
    assert run.metadata["schedule"] == "Energy, hourly"


def test_a_collection_that_somebody_started_is_not_overtaken(owner: User, topic: Topic) -> None:
    by_hand = start_collecting(owner, topic)
    schedule = fire(schedules.create(Plan(name="All", owner_id=owner.pk, **HOURLY)))
    assert (schedule.skipped, schedule.last_run) == (1, None)
    assert str(TaskRun.objects.get().pk) == by_hand.id


def test_nobody_collects_the_topic_of_somebody_else(stranger: User, topic: Topic) -> None:
    schedule = fire(
        schedules.create(Plan(name="Theirs", owner_id=stranger.pk, kwargs={"topic_id": topic.pk}, **HOURLY))
    )
    assert schedule.last_error == f"stranger has no topic {topic.pk}."
    assert not TaskRun.objects.exists()


def test_arguments_that_collect_does_not_know_are_refused(owner: User) -> None:
    with pytest.raises(BadSchedule):
        schedules.create(Plan(name="Odd", owner_id=owner.pk, kwargs={"context": 1}, **HOURLY))
