"""What `make check` says of pinned packages and of secrets: the truth, also where it cannot know."""

import pytest

from tools import audit, secret_scan

HOLE = {"id": "PYSEC-2026-1", "fix_versions": ["2.0"]}
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
HOLED = {"name": "holed", "version": "1.0", "vulns": [HOLE]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


def test_a_known_hole_fails_and_says_what_mends_it() -> None:
    code, said = audit.verdict([SOUND, HOLED, UNKNOWN])
    assert code == 1
    assert said[0] == "VULNERABLE: holed 1.0: PYSEC-2026-1, mended in 2.0"
    assert "unknown" in said[1]


def test_packages_without_known_holes_pass() -> None:
    assert audit.verdict([SOUND]) == (0, ["Audited: 1 of 1 packages."])


@pytest.mark.parametrize("found", ["no answer within 120 s", [UNKNOWN, UNKNOWN]])
def test_knowing_nothing_is_no_failure_and_no_praise(found: list[dict[str, object]] | str) -> None:
    code, [said] = audit.verdict(found)
    assert code == 0 and said.startswith("NOT AUDITED")


# Put together here, for written out they would be found where they stand.
FAKE = {
    "a private key": "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "A" * 64,
    "a key of AWS": "AKIA" + "Z" * 16,
    "a token of GitHub": "ghp_" + "a" * 36,
    "a token of GitLab": "glpat-" + "a" * 20,
    "a token of Slack": "xoxb-" + "1" * 24,
    "a token of PyPI": "pypi-" + "A" * 60,
    "a key of a model's API": "sk-" + "a1" * 20,
    "a key of Google": "AIza" + "b" * 35,
    "a key of Stripe": "sk_" + "live_" + "c" * 24,
    "one of our own API tokens": "spt_" + "d" * 43,
    "a signed web token": "eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 20,
    "a password in an address": "postgres" + "://app:hunter22@db1.corp.net/app",
    "a setting that holds one": "PASSWORD = " + "'correct1horse2battery3staple'",
}


@pytest.mark.parametrize("what", secret_scan.SHAPES)
def test_a_secret_is_found_by_its_shape_and_not_repeated(what: str) -> None:
    assert (2, what) in list(secret_scan.findings(f"first line\n{FAKE[what]}\n"))
    marked = FAKE[what].replace("\n", "\\n")
    assert list(secret_scan.findings(f"{marked}  # {secret_scan.MARK}\n")) == []


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user:password@host:port/name",
        "https://user:secret1@news.example/feed",
        "PASSWORD = os.environ['EMAIL_PASSWORD']",
        "password='correct horse'",
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_examples_are_no_secrets(text: str) -> None:
    assert list(secret_scan.findings(text)) == []


def test_there_is_no_secret_in_the_repository() -> None:
    assert secret_scan.scan(secret_scan.tracked()) == []
