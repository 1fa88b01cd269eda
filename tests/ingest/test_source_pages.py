"""The pages of sources."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ingest.models import Topic

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(topic: Topic) -> str:
    """The address of the topic's sources."""
    return reverse("topic-sources", args=[topic.pk])


def test_sources_come_and_go(client_of: ClientOf, owner: User, topic: Topic, page: str) -> None:
    client = client_of(owner)
    assert client.post(page, {"url": "https://news.example/feed.xml"}).headers["Location"] == page
    source = topic.sources.get()
    assert source.url in client.get(page).content.decode()
    assert client.post(f"{page}{source.pk}/delete/").headers["Location"] == page
    assert not topic.sources.exists()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "valid URL"),
        ("https://news.example:22/", "port 22"),
        ("https://me:pw@news.example/", "user name"),
        ("https://news.example/twice", "already"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused_with_a_reason(
    client_of: ClientOf, owner: User, topic: Topic, page: str, url: str, said: str
) -> None:
    topic.sources.create(url="https://news.example/twice")
    response = client_of(owner).post(page, {"url": url})
    assert response.status_code == 422
    assert said in response.content.decode()
    assert topic.sources.count() == 1


def test_a_failing_source_says_why_and_when_it_is_tried_again(
    client_of: ClientOf, owner: User, topic: Topic, page: str
) -> None:
    topic.sources.create(
        url="https://news.example/feed",
        failures=2,
        last_error="The server took too long.",
        next_check_at=timezone.now(),
    )
    shown = client_of(owner).get(page).content.decode()
    assert "Failing" in shown
    assert "The server took too long." in shown
    assert "1 in trouble" in client_of(owner).get(topic.get_absolute_url()).content.decode()
