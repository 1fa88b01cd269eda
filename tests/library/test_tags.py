"""`run_bar` and what makes a page live, on a page of somebody else's."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template import Context, RequestContext, Template
from django.test import RequestFactory

from tasks.states import Status
from tests.pages.reading import read
from tests.tasks.runs import make_run, make_run_in

PAGE = Template("{% load runs %}<html><head><title>Shop</title></head><body>{% run_bar run %}</body></html>")


def request_of(user: User | AnonymousUser) -> HttpRequest:
    """A request of `user` for the page."""
    request = RequestFactory().get("/shop/?shelf=3")
    request.user = user
    return request


def drawn(user: User | AnonymousUser, run: object, page: Template = PAGE) -> str:
    """The page as `user` sees it."""
    return page.render(RequestContext(request_of(user), {"run": run}))


def test_the_owner_and_staff_see_it_and_nobody_else_sees_anything(owner: User, stranger: User, staff: User) -> None:
    run = make_run(owner, name="Count the stock")
    for user in (owner, staff):
        assert "Count the stock" in drawn(user, run)
    for user in (stranger, AnonymousUser()):
        assert drawn(user, run) == drawn(user, uuid4()) == drawn(user, None)
        assert "<progress" not in drawn(user, run) and "<script" not in drawn(user, run)


def test_a_run_its_id_and_what_enqueue_returned_are_the_same(owner: User) -> None:
    run = make_run(owner)

    class Enqueued:
        id = str(run.pk)

    bars = {read(drawn(owner, one).encode()).one("progress").text for one in (run, run.pk, str(run.pk), Enqueued())}
    assert len(bars) == 1


def test_a_live_one_has_a_socket_and_a_way_back_and_one_that_ended_has_none(owner: User) -> None:
    page = drawn(owner, make_run_in(Status.RUNNING, owner))
    assert "/ws/bulk-process/" in page and "next=/shop/%3Fshelf%3D3" in page
    assert "/ws/bulk-process/" not in drawn(owner, make_run_in(Status.COMPLETED, owner))


def test_two_bars_bring_along_what_they_need_once(owner: User) -> None:
    two = Template(
        "{% load live runs %}<head>{% live_head %}</head>{% run_bar run %}{% run_bar run %}{% live_assets %}"
    )
    page = drawn(owner, make_run(owner), two)
    for once in (
        "live/js/live.js",
        "live/css/tokens.css",
        'id="words"',
        'id="connection"',
        'id="toast"',
        "/ws/notifications",
    ):
        assert page.count(once) == 1, once


def test_a_page_that_has_htmx_gets_no_second_one(owner: User) -> None:
    page = drawn(owner, None, Template("{% load live %}{% live_assets htmx=False %}"))
    assert "live/js/live.js" in page and "htmx.min.js" not in page


def test_templates_that_do_not_know_who_looks_are_told_so(owner: User) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"context_processors\.request"):
        PAGE.render(Context({"run": make_run(owner)}))


def test_the_bell_is_for_who_is_signed_in(owner: User) -> None:
    bell = Template("{% load notices %}{% bell %}")
    assert 'class="bell"' in drawn(owner, None, bell)
    assert drawn(AnonymousUser(), None, bell) == ""
