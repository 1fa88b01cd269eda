"""Headers that protect: on every kind of answer, whoever gives it; and cookies, behind TLS."""

import json
import os
import subprocess
import sys

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from tests.servers import ROOT

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}
# Address, what is asked for with, and the status it is answered with.
ANSWERS = {
    "a page": ("/tasks/", {}, 200),
    "a form": ("/profile/", {}, 200),
    "the admin": ("/admin/", {}, 200),
    "JSON": ("/api/background-tasks/tasks", {}, 200),
    "the documentation of the API": ("/api/docs", {}, 200),
    "nothing": ("/nothing/", {}, 404),
    "nothing in JSON": ("/api/nothing", {}, 404),
    "a wrong method": ("/sign-out/", {}, 405),
    "a redirect": ("/favicon.ico", {}, 302),
    "a wrong token": ("/api/background-tasks/tasks", {"Authorization": "Bearer x"}, 401),
    "a wrong host": ("/", {"Host": "evil.example"}, 400),
    "a style sheet": ("/static/live/css/tokens.css", {}, 200),
    "a drawing": ("/static/live/icon.svg", {}, 200),
    "a probe": ("/healthz", {"Host": "10.0.0.1"}, 200),
    "figures for a token": ("/metrics", {"Authorization": "Bearer x"}, 401),
    "trouble": ("/", {}, 500),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_says_what_browsers_are_to_keep_from_it(
    kind: str, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**seen: object) -> None:
        raise RuntimeError("broken")

    if kind == "trouble":
        monkeypatch.setattr("statusproj.views.find_standstill", broken)
    path, headers, status = ANSWERS[kind]
    client = Client(raise_request_exception=False)
    client.force_login(staff)
    answer = client.get(path, headers=headers)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "camera=()" in answer.headers["Permissions-Policy"]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "object-src" not in policy
    assert "unsafe" not in policy and "*" not in policy
    answer.close()


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_with_the_same_headers(staff: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    answer = client.post("/sign-out/")
    assert answer.status_code == 403
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS


@pytest.mark.django_db
def test_no_nonce_comes_twice(client: Client) -> None:
    policies = {client.get("/sign-in/").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3
    assert all("'nonce-" in policy for policy in policies)


@pytest.mark.django_db
def test_nothing_of_tls_is_promised_without_it(client: Client, settings: Settings) -> None:
    assert settings.HTTPS is False
    assert "Strict-Transport-Security" not in client.get("/sign-in/").headers


def test_behind_tls_cookies_are_for_this_host_alone_and_plain_http_is_sent_there() -> None:
    script = """
import django, json; django.setup()
from django.conf import settings
from django.test import Client
client = Client(headers={"Host": "localhost"})
shown = client.get("/sign-in/", headers={"X-Forwarded-Proto": "https"})
plain = client.get("/sign-in/")
names = [settings.SESSION_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME]
print(json.dumps([[str(one.OutputString()) for one in shown.cookies.values()], names, settings.SESSION_COOKIE_SECURE,
    shown.headers.get("Strict-Transport-Security"), plain.status_code, plain.headers["Location"]]))
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "statusproj.settings", "HTTPS": "true"}
    told = subprocess.check_output([sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, env=environment, text=True)
    cookies, names, secure, hsts, status, location = json.loads(told)
    [cookie] = cookies
    assert cookie.startswith("__Host-csrftoken=")
    assert {"Secure", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    assert names == ["__Host-sessionid", "__Host-language"] and secure is True
    assert hsts == "max-age=31536000; includeSubDomains; preload"
    assert (status, location) == (301, "https://localhost/sign-in/")
