"""Documents that must agree with the code. What runs their blocks is in tests/docs/."""

import importlib
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from live.schema import json_schema
from tasks import decorators
from tasks.backend import Task
from tasks.states import ALLOWED, AS_TASK_RESULT, Status
from tests.documented import blocks, documents, rows
from tests.servers import ROOT


def test_every_link_between_documents_leads_somewhere() -> None:
    for path in documents():
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", (ROOT / path).read_text()):
            there = (ROOT / path).parent / target if target else ROOT / path
            assert there.exists(), f"{path}: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
                assert anchor in {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}, anchor


def test_the_lifecycle_names_every_arrow_and_no_other() -> None:
    arrows = [row[0] for row in rows("docs/lifecycle.md", "arrow")]
    drawn = {tuple(part.strip() for part in arrow.split("→")) for arrow in arrows}
    assert drawn == {("", "PENDING"), *((old.name, new.name) for old, targets in ALLOWED.items() for new in targets)}
    text = (ROOT / "docs/lifecycle.md").read_text()
    for status, name in AS_TASK_RESULT.items():
        assert status.name in text
        assert status == Status.RUNNING or f"*{name.name}*" in text
    for topic in (
        "Fencing",
        "Cancel of a running run",
        "Attempts",
        "Rescue",
        "Timeout",
        "Outages",
        "Tickets",
        "Cleanup",
    ):
        assert f"**{topic}.**" in text or f"**{topic}**" in text, topic


def test_every_option_of_a_task_is_documented() -> None:
    table = {row[0]: row for row in rows("docs/tasks.md", "option")}
    options = set(decorators.TaskOptions.__annotations__) | {"takes_context"}
    changed = set(Task.using.__annotations__) - {"return"}
    assert table.keys() >= options | changed
    for name, row in table.items():
        if name in options | changed:
            assert (
                row[3]
                == {(True, True): "yes", (True, False): "", (False, True): "only"}[(name in options, name in changed)]
            ), name


def test_the_frames_page_names_every_key_of_every_update() -> None:
    told = {row[0]: set(re.findall(r"(?:^|`)([a-z_]+)", row[1])) for row in rows("docs/frames.md", "frame")}
    for schema in json_schema()["$defs"].values():
        keys = schema.get("properties", {})
        if keys.get("type", {}).get("const") == "job_update":
            of_all = {"type", "timestamp", "job_id", "seq", "status"}
            assert told[f"job_update`, `status: {keys['status']['const']}"] - of_all == keys.keys() - of_all


UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@pytest.mark.parametrize("row", rows("docs/operations.md", "figure"), ids=lambda row: row[0])
def test_a_figure_of_the_operations_page_is_that_of_the_code(row: list[str]) -> None:
    path, _, name = row[2].rpartition(".")
    value: Any = getattr(settings if path == "django.conf.settings" else importlib.import_module(path), name)
    found = re.search(r"(?P<number>[\d,.]+) ?(?P<unit>s|min|h)?\b", row[1])
    assert found, row
    said = float(found["number"].replace(",", ""))
    unit = UNITS.get(found["unit"] or "", 1.0)
    if name.endswith("_HOURS"):
        value, unit = float(value), 1.0
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    assert said * unit == pytest.approx(seconds), row


def test_every_test_that_the_operations_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[a-z_/]+\.py)`", (ROOT / "docs/operations.md").read_text())
    assert len(named) >= 5
    for path in named:
        assert (ROOT / path).is_file(), path


def test_the_schedules_page_shows_settings_of_the_right_shape() -> None:
    namespace: dict[str, Any] = {}
    for block in blocks("docs/schedules.md", "python"):
        exec(block, namespace)
    assert settings.TASKS_SCHEDULABLE.items() <= namespace["TASKS_SCHEDULABLE"].items()
    assert namespace["TASKS_CLOCKS"].items() <= settings.TASKS_CLOCKS.items()
