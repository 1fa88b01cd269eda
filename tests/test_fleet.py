"""What tools/fleet makes of what is deployed."""

import re
from pathlib import Path

import pytest

from tools.fleet.debian import SNIPPET, plain_site


def test_nginx_gets_our_snippet_but_for_addresses_and_tls() -> None:
    snippet = SNIPPET.read_text()
    site = plain_site(snippet, listen=8080, ports=[8101, 8102, 8103], logs=Path("/tmp/x"))
    assert re.findall(r"server (127\.0\.0\.1:\d+) max_fails=2", site) == [f"127.0.0.1:{p}" for p in (8101, 8102, 8103)]
    assert re.findall(r"listen .*;", site) == ["listen 127.0.0.1:8080;"]
    assert "ssl" not in site
    # All that is said of requests and sockets stays as it is deployed.
    assert site.partition("location / {")[2] == snippet.partition("location / {")[2]


def test_a_snippet_that_is_not_known_any_more_is_said() -> None:
    with pytest.raises(ValueError, match="expects one"):
        plain_site(SNIPPET.read_text().replace("listen 443", "listen 444"), listen=1, ports=[2], logs=Path("/tmp"))
