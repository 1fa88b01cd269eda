"""The site of the documentation: built strictly, whole, searchable, and from nowhere but itself."""

import fcntl
import functools
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.management import get_commands
from playwright.sync_api import Browser

from tests.servers import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; the first of several test processes builds it for all."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "site"
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
            built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
            assert not built.returncode, built.stdout + built.stderr
    return folder


def test_every_operation_frame_command_and_decision_has_its_place(site: Path) -> None:
    api = (site / "http-api.html").read_text()
    for path, operations in json.loads((ROOT / "docs/openapi.json").read_text())["paths"].items():
        for method in operations:
            assert f"<code>{method.upper()} {path}</code>" in api
    frames = (site / "frames-by-key.html").read_text()
    for name in json.loads((ROOT / "docs/frames.schema.json").read_text())["$defs"]:
        assert f'<h2 id="{name.lower()}">' in frames
    commands = (site / "commands.html").read_text()
    ours = [name for name, room in get_commands().items() if room in {"statusproj", "tasks", "ingest"}]
    assert len(ours) > 5
    for name in ours:
        assert f'<h2 id="{name}">' in commands
    decisions = (site / "decisions/index.html").read_text()
    for path in (ROOT / "docs/decisions").glob("*.md"):
        assert f'href="{path.stem}.html"' in decisions
    assert "create_tasks" in (site / "python-api.html").read_text()


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        loaded = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"([^\"]*)\"", page.read_text())
        assert not [address for address in loaded if re.match(r"(?:https?:)?//", address)], page
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", sheet.read_text()), sheet


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a line for each."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Where a plain file server has the site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.browser
def test_a_word_is_found_and_no_page_is_wider_than_a_phone(address: str, chromium: Browser) -> None:
    page = chromium.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark").new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in ("index", "tutorial", "http-api", "permissions", "python-api", "decisions/site"):
        page.goto(f"{address}/{path}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    with page.expect_console_message(lambda message: "search ready" in message.text):
        page.goto(f"{address}/index.html")
    page.keyboard.press("s")
    page.locator("#mkdocs-search-query").press_sequentially("rescued")
    page.locator("#mkdocs-search-results a", has_text="The life of a run").first.click()
    page.wait_for_url("**/lifecycle.html*")
    assert {url.split("/")[2] for url in asked} == {address.removeprefix("http://")}
    page.context.close()
