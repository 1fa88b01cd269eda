"""/api/notifications, over the project's own URLs and middleware."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notifications import facade
from notifications.models import Notification

pytestmark = pytest.mark.django_db

URL = "/api/notifications"

type ClientOf = Callable[[User], Client]


def notify(username: str | None = "owner", title: str = "Title", **fields: Any) -> Notification:
    return facade.create_notification(
        username=username, title=title, **{"type": "t", "message": "M", "link": None, **fields}
    )


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def error_of(response: HttpResponse) -> dict[str, Any]:
    """The error, its envelope checked."""
    body = response.json()  # type: ignore[attr-defined]
    assert set(body) == {"success", "error"}
    assert body["success"] is False
    assert set(body["error"]) == {"code", "message", "details"}
    assert body["error"]["message"]
    return body["error"]  # type: ignore[no-any-return]


# The list


def test_the_list_has_the_drawn_shape(owner: User, client_of: ClientOf) -> None:
    made = notify(type="auto_ingest_complete", link="/keyword-alerts/")
    body = client_of(owner).get(URL).json()
    assert body == {
        "notifications": [
            {
                "id": made.pk,
                "username": "owner",
                "type": "auto_ingest_complete",
                "title": "Title",
                "message": "M",
                "link": "/keyword-alerts/",
                "read": False,
                "severity": None,
                "occurrences": 1,
                "created_at": made.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            }
        ],
        "count": 1,
        "unread_count": 1,
        "next_cursor": None,
    }


def test_the_list_is_filtered_and_paged(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    for number in range(5):
        notify(title=str(number), type="even" if number % 2 == 0 else "odd")
    first = client.get(URL, {"limit": 2, "type": "even"}).json()
    rest = client.get(URL, {"limit": 2, "type": "even", "cursor": first["next_cursor"]}).json()
    assert [[row["title"] for row in page["notifications"]] for page in (first, rest)] == [["4", "2"], ["0"]]
    assert (first["count"], rest["count"], rest["next_cursor"]) == (3, 3, None)
    client.post(f"{URL}/mark-all-read", content_type="application/json")
    assert client.get(URL, {"unread_only": "true"}).json()["notifications"] == []


def test_a_longer_list_costs_no_more_queries(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(URL).status_code == 200
        return len(queries)

    notify()
    cost_of_one = cost()
    for number in range(20):
        notify(None if number % 2 else "owner")
    assert cost() == cost_of_one


def test_the_address_may_end_in_a_slash(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    assert client.get(f"{URL}/").json() == client.get(URL).json()
    assert post(client, f"{URL}/", {}).status_code == post(client, URL, {}).status_code == 422


def test_the_unread_count(owner: User, client_of: ClientOf) -> None:
    notify()
    notify(None)
    assert client_of(owner).get(f"{URL}/unread-count").json() == {"count": 2}


def test_counts_are_each_users_own(owner: User, teammate: User, client_of: ClientOf) -> None:
    # Trap 26.
    notify(None)
    post(client_of(owner), f"{URL}/mark-all-read")
    counts = [client_of(user).get(f"{URL}/unread-count").json()["count"] for user in (owner, teammate)]
    assert counts == [0, 1]


# Changing


def test_read_unread_delete(owner: User, client_of: ClientOf) -> None:
    client, made = client_of(owner), notify()
    for verb, read in (("mark-read", True), ("mark-read", True), ("mark-unread", False)):
        response = client.post(f"{URL}/{made.pk}/{verb}")
        assert (response.status_code, response.json()) == (200, {"success": True})
        assert client.get(URL).json()["notifications"][0]["read"] is read
    assert client.delete(f"{URL}/{made.pk}").json() == {"success": True}
    assert client.get(URL).json()["count"] == 0


def test_mark_all_with_the_time_the_list_gave(owner: User, client_of: ClientOf) -> None:
    # Trap 29.
    client = client_of(owner)
    notify()
    newest = client.get(URL).json()["notifications"][0]
    notify(title="after")
    for up_to in (newest["created_at"], newest["id"]):
        response = post(client, f"{URL}/mark-all-read", {"up_to": up_to})
        assert response.json()["success"] is True
        assert client.get(f"{URL}/unread-count").json() == {"count": 1}
    assert post(client, f"{URL}/mark-all-read", {}).json() == {"success": True, "count": 1}


def test_delete_read(owner: User, client_of: ClientOf) -> None:
    client, made = client_of(owner), notify()
    notify()
    client.post(f"{URL}/{made.pk}/mark-read")
    assert client.delete(f"{URL}/read").json() == {"success": True, "count": 1}
    assert client.get(URL).json()["count"] == 1


def test_foreign_and_missing_are_the_same_404(owner: User, stranger: User, client_of: ClientOf) -> None:
    made, client = notify(), client_of(stranger)
    for path in ("{}/mark-read", "{}/mark-unread"):
        answers = [client.post(f"{URL}/{path.format(pk)}") for pk in (made.pk, made.pk + 99, 2**31 + 5, 10**30)]
        assert [answer.status_code for answer in answers] == [404] * 4
        assert answers[0].content == answers[1].content
    assert client.delete(f"{URL}/{made.pk}").content == client.delete(f"{URL}/{made.pk + 99}").content
    assert facade.get_unread_count(owner) == 1


def test_get_changes_nothing(owner: User, client_of: ClientOf) -> None:
    # Trap 29: prefetching browsers would read everything for us.
    client, made = client_of(owner), notify()
    for path in (f"{made.pk}/mark-read", f"{made.pk}", "mark-all-read", "read"):
        response = client.get(f"{URL}/{path}")
        assert response.status_code == 405
        assert error_of(response)["code"] == "method_not_allowed"
    assert facade.get_unread_count(owner) == 1


# Sending


@pytest.fixture
def sender(owner: User) -> User:
    """The owner, who may send."""
    owner.user_permissions.add(Permission.objects.get(codename="send"))
    return owner


def test_sending_to_a_user_a_group_and_everyone(
    sender: User, teammate: User, stranger: User, client_of: ClientOf
) -> None:
    client = client_of(sender)
    Group.objects.create(name="team").user_set.add(teammate, stranger)
    text = {"title": "T", "message": "M", "link": "/tasks/"}
    for addressee, count in (({"username": "teammate"}, 1), ({"group": "team"}, 2), ({"everyone": True}, 1)):
        response = post(client, URL, {**text, **addressee})
        assert (response.status_code, response.json()["count"]) == (201, count)
        assert len(response.json()["ids"]) == count
    assert [facade.get_unread_count(user) for user in (sender, teammate, stranger)] == [1, 3, 2]


def test_sending_needs_the_permission(owner: User, client_of: ClientOf) -> None:
    response = post(client_of(owner), URL, {"title": "T", "message": "M", "everyone": True})
    assert (response.status_code, error_of(response)["code"]) == (403, "forbidden")
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"link": "javascript:alert(1)"}, "link"),
        ({"link": "//evil.example"}, "link"),
        ({"title": ""}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"title": None}, "title"),
        ({"message": 5}, "message"),
        ({"username": "nobody"}, "username"),
        ({"username": None}, "username, group, everyone"),
        ({"everyone": True}, "username, group, everyone"),
        ({"group": "no such group", "username": None}, "group"),
        ({"type": "x" * 51}, "type"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_cannot_be_sent_is_said_by_field(
    sender: User, client_of: ClientOf, change: dict[str, Any], field: str
) -> None:
    response = post(client_of(sender), URL, {"username": "owner", "title": "T", "message": "M", **change})
    assert response.status_code == 422
    error = error_of(response)
    assert error["code"] == "invalid"
    assert field in error["message"]
    assert error["details"][0]["message"]
    assert not Notification.objects.exists()


# Errors


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("unread_only=x", "unread_only"),
    ],
)
def test_a_bad_query_says_which_field_and_why(owner: User, client_of: ClientOf, query: str, field: str) -> None:
    response = client_of(owner).get(f"{URL}?{query}")
    assert response.status_code == 422
    assert error_of(response)["details"][0]["field"] == field


@pytest.mark.parametrize("up_to", ["yesterday", "2026-01-01", "2026-01-01T00:00:00", [], 1.5, True, "5"])
def test_a_bad_up_to_marks_nothing(owner: User, client_of: ClientOf, up_to: Any) -> None:
    notify()
    response = post(client_of(owner), f"{URL}/mark-all-read", {"up_to": up_to})
    assert response.status_code == 422
    assert "up_to" in error_of(response)["message"]
    assert facade.get_unread_count(owner) == 1


def test_a_broken_body_is_400(owner: User, client_of: ClientOf) -> None:
    response = client_of(owner).post(f"{URL}/mark-all-read", "{", content_type="application/json")
    assert (response.status_code, error_of(response)["code"]) == (400, "bad_request")


def test_nobody_signed_in_is_401_in_json() -> None:
    for response in (Client().get(URL), Client(enforce_csrf_checks=True).post(f"{URL}/mark-all-read")):
        assert (response.status_code, error_of(response)["code"]) == (401, "not_signed_in")


def test_a_deactivated_user_is_401(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    User.objects.update(is_active=False)
    assert client.get(URL).status_code == 401


def test_a_write_without_csrf_token_is_403_in_json(owner: User) -> None:
    made = notify()
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    for response in (client.post(f"{URL}/{made.pk}/mark-read"), client.delete(f"{URL}/{made.pk}")):
        assert (response.status_code, error_of(response)["code"]) == (403, "csrf_failed")
    assert facade.get_unread_count(owner) == 1


def test_an_unknown_address_is_404_in_json(owner: User, client_of: ClientOf) -> None:
    for path in ("/api/no-such-thing", f"{URL}/x/mark-read"):
        response = client_of(owner).get(path)
        assert (response.status_code, error_of(response)["code"]) == (404, "not_found")


def test_a_database_that_is_away_is_503_with_retry_after(
    owner: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(user: User) -> int:
        raise OperationalError("connection to server at 10.0.0.1 failed")

    monkeypatch.setattr(facade, "get_unread_count", away)
    response = client_of(owner).get(f"{URL}/unread-count")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "10.0.0.1" not in error_of(response)["message"]


def test_an_unexpected_error_says_nothing_from_inside(
    owner: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(user: User) -> int:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(facade, "get_unread_count", broken)
    response = client_of(owner).get(f"{URL}/unread-count")
    assert (response.status_code, error_of(response)["code"]) == (500, "internal_error")
    assert b"secret" not in response.content
    assert "secret detail" in caplog.text
