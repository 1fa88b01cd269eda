"""Whatever stands behind the question mark of an address: the page comes, or says what it cannot do."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.permissions.routes import Route, every_route
from tests.permissions.things import make_things
from tests.test_every_endpoint import HOSTILE_VALUES

# What pages and lists read from an address.
KEYS = (
    *("after", "page", "show", "only", "level", "part", "since", "until", "q", "topic", "source", "folder", "language"),
    *("sort", "next", "lang", "items", "format", "content", "status", "name", "owner", "type", "created_after", "who"),
    *("created_before", "cursor", "action", "thing", "address"),
)
HOSTILE = (*HOSTILE_VALUES, "2026-02-31", "//evil.example", "\ud800")
PAGES = [route for route in every_route() if route.part == "Pages"]


@pytest.mark.parametrize("route", PAGES, ids=lambda route: route.shown)
def test_no_question_breaks_a_page(client_of: Callable[[User], Client], owner: User, route: Route) -> None:
    client = client_of(User.objects.create_superuser("superuser"))
    path = route.path(make_things(owner) | {"path": "x"})
    for value in HOSTILE:
        answer = client.get(path, query_params=dict.fromkeys(KEYS, value.encode("utf-8", "surrogatepass")))
        assert answer.status_code < 500, value
        answer.getvalue()
