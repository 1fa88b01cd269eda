"""One shape for every error of the JSON API."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import AsyncClient, Client

from tests.live.error_urls import ERRORS

pytestmark = pytest.mark.urls("tests.live.error_urls")


def error_of(response: HttpResponse) -> dict[str, Any]:
    body = json.loads(response.content)
    assert set(body) == {"success", "error"}
    assert body["success"] is False
    assert set(body["error"]) == {"code", "message", "details"}
    return body["error"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("conflict", 409, "already_running"),
        ("full", 429, "queue_full"),
        ("missing", 404, "not_found"),
        ("forbidden", 403, "forbidden"),
        ("large", 413, "too_large"),
        ("suspicious", 400, "bad_request"),
        ("bad", 400, "bad_request"),
        ("database", 503, "unavailable"),
        ("connection", 503, "unavailable"),
        ("mistake", 500, "internal_error"),
    ],
)
def test_every_failure_has_its_honest_status_and_nothing_from_inside(name: str, status: int, code: str) -> None:
    response = Client(raise_request_exception=False).get(f"/api/fail/{name}")
    assert (response.status_code, error_of(response)["code"]) == (status, code)
    assert b"secret" not in response.content
    assert len(error_of(response)["message"]) > 10
    assert name in ERRORS


def test_details_and_retry_after_are_passed_on() -> None:
    assert error_of(Client().get("/api/fail/conflict"))["details"] == {"task_id": "1"}
    assert Client().get("/api/fail/full")["Retry-After"] == "7"


def test_an_invalid_field_is_named_as_the_client_knows_it() -> None:
    response = Client().post("/api/nested", {"urls": [1, "x"]}, content_type="application/json")
    assert response.status_code == 422
    [detail] = error_of(response)["details"]
    assert detail["field"] == "urls.1"
    assert "integer" in detail["message"]


@pytest.mark.parametrize("body", ["", "{", "[1", "\xff"])
def test_a_body_that_is_no_json_is_400(body: str) -> None:
    response = Client().post("/api/nested", body.encode("latin-1"), content_type="application/json")
    assert response.status_code in {400, 422}
    assert error_of(response)["message"]


@pytest.mark.parametrize(("method", "path", "status"), [("get", "/api/nowhere", 404), ("put", "/api/nested", 405)])
async def test_where_no_endpoint_answers_the_error_is_json_all_the_same(method: str, path: str, status: int) -> None:
    for response in (getattr(Client(), method)(path), await getattr(AsyncClient(), method)(path)):
        assert response.status_code == status
        assert error_of(response)["message"]
    if status == 405:
        assert response["Allow"] == "POST"


def test_pages_keep_their_own_errors() -> None:
    response = Client().get("/nowhere")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.django_db
def test_nobody_signed_in_hears_401() -> None:
    response = Client().get("/api/private")
    assert (response.status_code, error_of(response)["code"]) == (401, "not_signed_in")
