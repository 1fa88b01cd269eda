"""Webhooks, received by a real program: signed, tried again, never into the private network."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from notifications import facade, webhooks
from notifications.models import Notification, NotificationDelivery, NotificationPreferences
from notifications.preferences import renew_secret, save_preferences
from tasks.models import TaskRun
from tests.notifications.receivers import Program, program
from tests.waiting import eventually
from tests.workers import WorkerThread


@pytest.fixture
def receiver() -> Iterator[Program]:
    """A program that takes everything."""
    with program(204) as taken:
        yield taken


def subscribe(user: User, url: str, settings: Any) -> NotificationPreferences:
    settings.INGEST_ALLOWED_HOSTS = ["127.0.0.1"]
    return save_preferences(user, chosen={"": {"webhook": "at_once"}}, webhook_url=url)


def notify(user: User, title: str = "Disk full") -> Notification:
    return facade.create_notification(
        username=user.username, type="disk", title=title, message="ü", link="/tasks/", severity="error"
    )


def delivered() -> NotificationDelivery | None:
    return NotificationDelivery.objects.exclude(state="waiting").first()


def test_a_notification_arrives_signed(owner: User, worker: WorkerThread, receiver: Program, settings: Any) -> None:
    secret = subscribe(owner, receiver.url, settings).webhook_secret
    made = notify(owner)
    assert webhooks.hand_over_due() == 1
    delivery = eventually(delivered)
    assert (delivery.state, delivery.outcome) == ("sent", "The receiver answered 204.")
    [(headers, body)] = receiver.received
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    [sent] = receiver.bodies
    assert sent["type"] == "notification.disk"
    assert (sent["data"]["id"], sent["data"]["message"], sent["data"]["severity"]) == (made.pk, "ü", "error")
    assert webhooks.hand_over_due() == 0, "it is done with"


def test_a_refusal_is_tried_again_under_the_same_id(
    owner: User, worker: WorkerThread, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with program(500, 302, 200) as receiver:
        subscribe(owner, receiver.url, settings)
        notify(owner)
        webhooks.hand_over_due()
        for answers in (1, 2):
            eventually(lambda n=answers: len(receiver.received) == n)  # type: ignore[misc]
            run = eventually(lambda n=answers: TaskRun.objects.filter(attempt=n + 1, status="pending").first())  # type: ignore[misc]
            assert run.run_after is not None
            TaskRun.objects.filter(pk=run.pk).update(run_after=run.created_at)
            hurry(run)
        assert eventually(delivered).state == "sent"
        assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1


def hurry(run: TaskRun) -> None:
    """Let the waiting ticket of `run` be due now."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")


def test_a_receiver_that_is_gone_turns_the_webhook_off(owner: User, worker: WorkerThread, settings: Any) -> None:
    with program(410) as receiver:
        subscribe(owner, receiver.url, settings)
        notify(owner)
        webhooks.hand_over_due()
        assert "410" in eventually(delivered).outcome
    assert NotificationPreferences.objects.get().webhook_url == ""
    notify(owner, "more")
    assert webhooks.hand_over_due() == 0


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://169.254.169.254/", "http://[::1]/"])
def test_a_webhook_leads_into_no_private_network(owner: User, worker: WorkerThread, url: str) -> None:
    save_preferences(owner, chosen={"": {"webhook": "at_once"}}, webhook_url=url)
    notify(owner)
    webhooks.hand_over_due()
    trouble = eventually(lambda: NotificationDelivery.objects.exclude(outcome="").first())
    assert "private network" in trouble.outcome or "could not be reached" in trouble.outcome
    assert trouble.attempts == 1


def test_a_run_that_sends_names_no_secret(owner: User, worker: WorkerThread, receiver: Program, settings: Any) -> None:
    secret = subscribe(owner, receiver.url, settings).webhook_secret
    notify(owner)
    webhooks.hand_over_due()
    eventually(delivered)
    run = eventually(lambda: TaskRun.objects.filter(status="completed").first())
    assert run.owner_id is None
    assert secret not in f"{run.args}{run.kwargs}{run.result}{run.metadata}"


@pytest.mark.django_db
def test_a_new_secret_replaces_the_old_one(owner: User, settings: Any) -> None:
    before = subscribe(owner, "https://example.com/hook", settings).webhook_secret
    after = renew_secret(owner)
    assert after != before
    assert NotificationPreferences.objects.get().webhook_secret == after
