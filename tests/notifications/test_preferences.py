"""What a person wants to be told: by page and API, checked, and only their own."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client

from notifications import types
from notifications.models import NotificationDelivery, NotificationPreferences
from notifications.preferences import preferences_of, save_preferences

pytestmark = pytest.mark.django_db

type ClientOf = Callable[[User], Client]
PAGE, API = "/notifications/preferences/", "/api/notifications/preferences"


@pytest.fixture
def urgent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A type that cannot be silenced."""
    kind = types.NotificationType(name="urgent", label="Urgent", is_required=True)
    monkeypatch.setitem(types._types, "urgent", kind)


def patch(client: Client, change: dict[str, Any]) -> Any:
    return client.patch(API, change, content_type="application/json")


def test_without_a_word_the_defaults_hold_and_nothing_is_stored(owner: User, client_of: ClientOf) -> None:
    body = client_of(owner).get(API).json()
    [other] = [one for one in body["types"] if one["type"] == ""]
    assert (other["in_app"], other["email"], other["webhook"]) == ("at_once", "never", "never")
    assert not NotificationPreferences.objects.exists()


def test_what_is_changed_changes_and_the_rest_stays(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    assert (
        patch(client, {"chosen": {"task_failed": {"email": "hourly"}}, "time_zone": "Europe/Berlin"}).status_code == 200
    )
    body = patch(client, {"quiet_from": "22:00", "quiet_until": "07:00"}).json()
    assert (body["time_zone"], body["quiet_from"], body["daily_at"]) == ("Europe/Berlin", "22:00:00", 8)
    assert {one["type"]: one["email"] for one in body["types"]}["task_failed"] == "hourly"
    assert patch(client, {"quiet_from": None, "quiet_until": None}).json()["quiet_from"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"chosen": {"nobody_knows": {"email": "daily"}}}, "chosen"),
        ({"chosen": {"": {"in_app": "daily"}}}, "chosen"),
        ({"chosen": {"urgent": {"in_app": "never"}}}, "chosen"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"language": "tlh"}, "language"),
        ({"quiet_from": "22:00"}, "quiet_until"),
        ({"webhook_url": "javascript:alert(1)"}, "webhook_url"),
        ({"daily_at": 24}, "daily_at"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name_and_changes_nothing(
    owner: User, client_of: ClientOf, urgent: None, change: dict[str, Any], field: str
) -> None:
    response = patch(client_of(owner), {**change, "daily_at": change.get("daily_at", 5)})
    assert response.status_code == 422
    assert field in response.content.decode()
    assert preferences_of(owner).daily_at == 8


def test_the_page_says_what_holds_and_keeps_what_is_chosen(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    page = client.get(PAGE)
    form = page.context["form"]
    values = {name: form[name].value() or "" for name in form.fields}
    answer = client.post(PAGE, {**values, "task_failed-email": "daily", "webhook_url": "https://example.com/hook"})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    row = NotificationPreferences.objects.get()
    assert row.chosen == {"task_failed": {"email": "daily"}}
    assert row.webhook_secret.startswith("whsec_")
    assert row.webhook_secret in client.get(PAGE).content.decode()


def test_a_wrong_entry_keeps_what_was_typed_and_says_what_to_do(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    form = client.get(PAGE).context["form"]
    values = {name: form[name].value() or "" for name in form.fields}
    answer = client.post(PAGE, {**values, "quiet_from": "22:00", "webhook_url": "not an address"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="not an address"' in text
    assert 'value="22:00"' in text
    assert not NotificationPreferences.objects.exclude(webhook_url="").exists()


def test_the_log_is_the_readers_own(owner: User, stranger: User, client_of: ClientOf) -> None:
    for user in (owner, stranger):
        NotificationDelivery.objects.create(
            user=user, channel="email", title=f"For {user.username}", due_at=user.date_joined
        )
    listed = client_of(owner).get("/api/notifications/deliveries").json()["deliveries"]
    assert [one["title"] for one in listed] == ["For owner"]
    page = client_of(owner).get("/notifications/deliveries/").content.decode()
    assert "For owner" in page
    assert "For stranger" not in page


@pytest.mark.parametrize("wrong", [{"quiet_from": "22:00"}, {"daily_at": 24}, {"webhook_url": "https://example.com/"}])
def test_the_database_knows_the_rules_too(owner: User, wrong: dict[str, Any]) -> None:
    save_preferences(owner)
    with pytest.raises(IntegrityError), transaction.atomic():
        NotificationPreferences.objects.filter(pk=owner.pk).update(**wrong)
