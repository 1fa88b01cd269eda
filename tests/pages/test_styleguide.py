"""The style guide shows every component, from the same templates as the pages."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.pages.reading import complaints, page, queries_to_render, read
from tests.tasks.runs import make_run


def test_every_component_is_drawn_in_it(staff: User, client_of: Callable[[User], Client]) -> None:
    answer = client_of(staff).get(reverse("styleguide"))
    assert complaints(read(answer.content)) == []
    drawn = {template.name for template in answer.templates}
    paths = settings.BASE_DIR.glob("*/templates/*/components/*.html")
    files = {f"{path.parts[-3]}/components/{path.name}" for path in paths}
    assert len(files) > 25
    assert files - drawn == set()


def test_it_shows_a_run_in_each_state_and_stores_none(staff: User, client_of: Callable[[User], Client]) -> None:
    client = client_of(staff)
    cards = page(client, reverse("styleguide")).one(id="example-runs").all("article")
    words = [card.one(class_="badge").text for card in cards]
    assert words == ["Waiting", "Running", "Running", "Cancelling…", "Completed", "Failed", "Cancelled"]
    make_run(staff)
    assert queries_to_render(client, reverse("styleguide")) < 15
    assert client.post(reverse("tasks:cancel", args=["00000000-0000-0000-0000-000000000001"])).status_code == 404
