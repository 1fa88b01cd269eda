"""Collected static files: pages name them by their content, and browsers keep them for good."""

import os
import re
import subprocess
import sys
from contextlib import closing
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User

from tests.live.sockets import session_of
from tests.servers import ROOT, Process, Server, database_url

# At least one page of each kind of template; one file that is not in the list of collected ones would be a 500.
PAGES = ("/", "/tasks/", "/notifications/", "/keyword-alerts/", "/profile/", "/styleguide/", "/admin/", "/api/docs")


def test_after_collectstatic_every_page_names_hashed_files_that_never_change(
    started: list[Process], staff: User, tmp_path: Path
) -> None:
    # A session is signed: the server has this process's key, and so knows who asks.
    environment = {"DATA_DIR": str(tmp_path), "SECRET_KEY": settings.SECRET_KEY}
    subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": database_url(), **environment}, check=True,
    )  # fmt: skip
    server = Server("--no-worker", **environment)
    started.append(server)
    headers = {"Cookie": f"sessionid={session_of(staff)}"}
    named: set[str] = set()
    for page in PAGES:
        status, _, text = ask(server, page, headers)
        assert status == 200, page
        named |= set(re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', text))
    assert len(named) > 5
    for path in named:
        assert re.search(r"\.[0-9a-f]{12}\.(?:css|js)$", path), path
    status, said, _ = ask(server, min(named), {"Accept-Encoding": "gzip"})
    assert (status, said["Content-Encoding"]) == (200, "gzip")
    assert "immutable" in said["Cache-Control"]


def ask(server: Server, path: str, headers: dict[str, str]) -> tuple[int, Message, str]:
    """Status, headers and text of one answer."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as http:
        http.request("GET", path, headers=headers)
        answer = http.getresponse()
        return answer.status, answer.headers, answer.read().decode(errors="replace")
