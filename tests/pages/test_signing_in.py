"""Signing in and out."""

from collections.abc import Callable

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.pages.reading import complaints, page, read


def test_signing_in_leads_to_the_page_that_was_asked_for(owner: User, client: Client) -> None:
    form = page(client, f"{reverse('sign-in')}?next=/tasks/").one("form")
    assert form.one("input", name="next").attrs["value"] == "/tasks/"
    answer = client.post(reverse("sign-in"), {"username": "owner", "password": "correct horse", "next": "/tasks/"})
    assert answer["Location"] == "/tasks/"


def test_signing_in_never_leads_to_another_site(owner: User, client: Client) -> None:
    answer = client.post(
        reverse("sign-in"), {"username": "owner", "password": "correct horse", "next": "//evil.example/"}
    )
    assert answer["Location"] == reverse("dashboard")


def test_a_wrong_password_is_said_so_in_place(owner: User, client: Client) -> None:
    answer = client.post(reverse("sign-in"), {"username": "owner", "password": "wrong"})
    document = read(answer.content)
    assert complaints(document) == []
    assert "correct username and password" in document.one(class_="banner-error").text
    assert document.one("input", name="username").attrs["value"] == "owner"


def test_signing_out_ends_the_session(owner: User, client_of: Callable[[User], Client]) -> None:
    client = client_of(owner)
    assert client.post(reverse("sign-out"))["Location"] == reverse("sign-in")
    assert client.get(reverse("dashboard")).status_code == 302
