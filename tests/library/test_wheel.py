"""What the wheel holds, and what each of its apps needs of the others."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.library.shop import Shop
from tests.servers import ROOT

pytestmark = pytest.mark.timeout(300)  # fixtures build and install the wheel

ROOMS = ("live", "notifications", "tasks")
IMPORT_ALL = """
import importlib, pkgutil, sys, django
from django.conf import settings
apps = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", *{apps}]
tasks = {{"default": {{"BACKEND": "tasks.backend.ProcrastinateBackend"}}}} if "tasks" in apps else {{}}
settings.configure(SECRET_KEY="x", INSTALLED_APPS=apps, TASKS=tasks)
django.setup()
for room in {rooms}:
    for module in pkgutil.walk_packages(importlib.import_module(room).__path__, room + "."):
        importlib.import_module(module.name)
print(sorted({{name.partition(".")[0] for name in sys.modules}}))
"""
NEVER = {"ingest", "accounts", "statusproj", "trafilatura", "feedparser", "axes", "whitenoise", "prometheus_client"}


def test_the_wheel_holds_every_file_of_the_apps_and_nothing_else(installed: Path) -> None:
    [wheel] = installed.glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    ours = {name for name in inside if ".dist-info/" not in name}
    files = (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file())
    expected = {
        str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts and path.suffix != ".po"
    }
    assert ours == expected
    for needed in (
        "live/templates/live/base.html",
        "live/static/live/js/live.js",
        "notifications/templates/admin/notifications/compose.html",
        "tasks/locale/de/LC_MESSAGES/django.mo",
        "tasks/migrations/0001_initial.py",
        "tasks/py.typed",
    ):
        assert needed in ours
    assert any(name.endswith("/LICENSE") for name in inside - ours)


@pytest.mark.parametrize(
    ("apps", "strangers"),
    [
        (["live"], {"tasks", "notifications", "procrastinate"}),
        (["procrastinate.contrib.django", "live", "notifications", "tasks"], set()),
    ],
    ids=["live alone", "all three"],
)
def test_they_load_nothing_of_what_stands_above_them(installed: Path, apps: list[str], strangers: set[str]) -> None:
    code = IMPORT_ALL.format(apps=apps, rooms=[app for app in apps if app in ROOMS])
    python = installed / "venv" / "bin" / "python"
    done = subprocess.run([python, "-c", code], cwd=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(eval(done.stdout))
    assert loaded & (strangers | NEVER) == set()


def test_a_project_that_has_all_hears_no_complaint(shop: Shop) -> None:
    assert "no issues" in shop.run("check", "--fail-level", "WARNING")
