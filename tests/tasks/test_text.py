"""Secrets in texts: found by their form, gone for good, at a cost that grows with the text and no faster."""

import base64
import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.text import mask_secrets

SECRET = "hunter2-Ab9"
JSON_WEB_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
BASIC = base64.b64encode(b"user:hunter2").decode()

# Secrets as they are made: random characters of those that need no quotes.
plain_secrets = st.text(st.sampled_from("ABCabc012-_.~+/=*!$(),;:@#%^[]{}<>|"), min_size=1, max_size=30).map(
    lambda text: f"Zq7{text}x9K"
)
any_secrets = st.text(min_size=1, max_size=30).map(lambda text: f"Zq7{text}x9K")
names = st.sampled_from(
    ["password", "smtp_password", "PASSWD", "client-secret", "accessToken", "api_key", "X-Api-Key", "db.password"]
)
# Texts made of what the patterns look for, in every order.
MARKS = """password token x = : ' " \\ [ ] { } ( ) :// @ / & *** , - é eyJaaaaaaa.b Cookie: Authorization: --secret"""
shreds = st.lists(
    st.sampled_from(
        [
            " ",
            "\n",
            "Bearer ",
            "Basic ",
            BASIC,
            "-----BEGIN PRIVATE KEY-----",
            "-----END PRIVATE KEY-----",
            *MARKS.split(),
        ]
    ),
    max_size=25,
).map("".join)


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"curl -H 'Authorization: token {SECRET}' https://example.com/",
        f'Authorization: Digest username="bob", response="{SECRET}"',
        f"Cookie: theme=dark; sid={SECRET}",
        f'{{"user": "bob", "password": "{SECRET}"}}',
        f"{{'user': 'bob', 'token': '{SECRET}'}}",
        f"{{'token': b'{SECRET}', 'n': 1}}",
        json.dumps(json.dumps({"password": SECRET})),
        json.dumps(json.dumps(json.dumps({"password": f'{SECRET}"{SECRET}'}))),
        f'os.environ["API_KEY"] = "{SECRET}"',
        f"connect(host='db', password='it\\'s {SECRET}')",
        f"{{'cookies': {{'sid': '{SECRET}', 'more': ['{SECRET}']}}}}",
        f"login --password {SECRET} --verbose",
        f"login --password={SECRET}",
        f"https://example.com/?a=1&access_token={SECRET}&b=2",
        f"postgres://app:{SECRET}@db/prod",
        f"postgres://app:pa@ss{SECRET}@db/prod",
        f"redis://:{SECRET}@cache:6379/0",
        f"https://ghp_{SECRET}{SECRET}@github.com/x/y.git",
        f"-----BEGIN RSA PRIVATE KEY-----\nMIIE{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\nMIIE{SECRET}\ncut off here",
        f"password = {SECRET}",
        f"smtp_password: {SECRET}",
        f'{{"password": "{SECRET} that was cut off',
    ],
)
def test_a_secret_is_found_by_its_form(text: str) -> None:
    assert SECRET not in mask_secrets(text)
    assert "***" in mask_secrets(text)


@pytest.mark.parametrize(
    "text",
    [f"got {JSON_WEB_TOKEN} back", f"Bearer {JSON_WEB_TOKEN}", f"basic {BASIC}", f"Proxy-Authorization: {BASIC}"],
)
def test_tokens_are_found_without_a_name(text: str) -> None:
    assert JSON_WEB_TOKEN not in mask_secrets(text)
    assert BASIC not in mask_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "Saved 3 of 7 articles from https://example.com/a?page=2",
        "Basic authentication is required",
        "key=value, name: x, monkey: 7",
        '  File "/app/tasks.py", line 7, in run',
        "http://localhost:8000/path and user@example.com",
        "tokenizer=fast bypass=yes",
    ],
)
def test_what_gives_nothing_away_stays(text: str) -> None:
    assert mask_secrets(text) == text


def test_what_stands_around_a_secret_stays() -> None:
    text = f'{{"user": "bob", "password": "{SECRET}", "page": 2}} ?token={SECRET}&page=2'
    assert mask_secrets(text) == '{"user": "bob", "password": "***", "page": 2} ?token=***&page=2'


@given(names, plain_secrets)
def test_no_secret_of_a_plain_form_comes_through(name: str, secret: str) -> None:
    for text in (f"{name}={secret}", f"{name}: {secret} next", f"--{name} {secret}", f"Bearer {secret}"):
        masked = mask_secrets(text)
        assert secret not in masked, text
        assert "x9K" not in masked or any(stop in secret for stop in "&,;"), text


@given(names, any_secrets)
def test_no_quoted_secret_comes_through(name: str, secret: str) -> None:
    for text in (
        json.dumps({name: secret, "then": 1}),
        json.dumps({name: secret}, ensure_ascii=False, indent=1),
        repr({name: secret}),
        repr({name.encode(): secret.encode()}),
        json.dumps({"text": json.dumps({name: secret})}),
        repr({"text": repr({name: secret})}),
        f"f({name.replace('-', '_')}={secret!r}, then=1)",
    ):
        masked = mask_secrets(text)
        assert "Zq7" not in masked and "x9K" not in masked, text


@settings(max_examples=500)
@given(st.one_of(shreds, st.text(max_size=60)))
@example("password=[***")
def test_masking_never_fails_and_twice_is_once(text: str) -> None:
    masked = mask_secrets(text)
    assert mask_secrets(masked) == masked


@pytest.mark.parametrize("shred", ["a ", "'\\", "://a:", "a@", "token=", "token=[", "token='", "cookie:", "--token "])
@pytest.mark.parametrize("end", ["", "\n", "x" * 300])
def test_a_text_costs_what_it_is_long(shred: str, end: str) -> None:
    start = time.process_time()
    mask_secrets(((shred + end) * 1_000_000)[:1_000_000])
    # Seconds at most; a cost that grew with the square of the length would be hours.
    assert time.process_time() - start < 30


@pytest.mark.parametrize(
    "shred", ["a", " ", "\\", "@", "=", "[", "-", "eyJ", "-----BEGIN ", "bearer ", "basic ", "token:("]
)
def test_one_sign_a_million_times_costs_no_more(shred: str) -> None:
    test_a_text_costs_what_it_is_long(shred, "")
