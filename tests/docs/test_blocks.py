"""Every block of code in the documents says what it is, and is run, or read by what would run it."""

import configparser
import json
import logging
import re
import tomllib
from collections.abc import Callable

import pytest
import yaml
from django.template import engines
from django.test import Client

from live.schema import client_frame, server_frame
from statusproj.log_lines import JsonFormatter
from tests.docs import commands
from tests.docs.alike import assert_same_shape
from tests.documented import Block, all_blocks, documents
from tests.servers import ROOT

# Blocks that build on each other need somebody who knows what is around them.
RUN_BY = {
    ("README.md", "python"): "tests/docs/test_python_blocks.py",
    ("docs/frames.md", "javascript"): "tests/browser/test_examples_in_chromium.py",
    ("docs/frames.md", "python"): "tests/process/test_examples.py",
    ("docs/library.md", "python"): "tests/library/test_document.py",
    ("docs/limiting.md", "python"): "tests/docs/test_how_to.py",
    ("docs/moving.md", "python"): "tests/docs/test_how_to.py",
    ("docs/notifications.md", "python"): "tests/docs/test_python_blocks.py",
    ("docs/resuming.md", "python"): "tests/docs/test_how_to.py",
    ("docs/retries.md", "python"): "tests/docs/test_python_blocks.py",
    ("docs/schedules.md", "python"): "tests/test_documents.py",
    ("docs/tasks.md", "python"): "tests/docs/test_python_blocks.py",
    ("docs/testing.md", "python"): "tests/docs/test_how_to.py",
    ("docs/tutorial.md", "python"): "tests/docs/test_tutorial.py",
    ("docs/tutorial.md", "json"): "tests/docs/test_tutorial.py",
}
MOST_NOT_RUN = 3

ALL = [one for path in documents() for one in all_blocks(path)]
RUN = [one for one in ALL if not one.not_run and (one.path, one.language) not in RUN_BY]


def of(*languages: str) -> pytest.MarkDecorator:
    """The test is asked once for each block of these languages."""
    found = [one for one in RUN if one.language in languages]
    return pytest.mark.parametrize("block", found, ids=map(str, found))


def _ini(text: str) -> None:
    configparser.ConfigParser(strict=False, interpolation=None).read_string(text)


def _braces(text: str) -> None:
    assert text.count("{") == text.count("}")
    assert all(
        re.search(r"[;{}]$", line.split("#")[0].strip()) for line in text.splitlines() if line.split("#")[0].strip()
    )


def _template(text: str) -> None:
    engines["django"].from_string(text)


PARSERS: dict[str, Callable[[str], object]] = {
    "yaml": yaml.safe_load,
    "toml": tomllib.loads,
    "ini": _ini,
    "nginx": _braces,
    "html": _template,
    "django": _template,
}
OTHERS = {"python", "javascript", "sh", "json", "text"}


def test_every_block_says_what_language_it_is_in() -> None:
    without = [str(one) for one in ALL if one.language not in {*PARSERS, *OTHERS}]
    assert not without, f"no language, or one that nobody here can read: {without}"


def test_what_nobody_runs_says_why_and_is_little(capsys: pytest.CaptureFixture[str]) -> None:
    not_run = [one for one in ALL if one.not_run]
    with capsys.disabled():
        for one in not_run:
            print(f"\nnot run: {one}: {one.not_run}", end="")
    assert all(len(one.not_run) > 10 for one in not_run)
    assert len(not_run) <= MOST_NOT_RUN


def test_every_block_that_is_run_elsewhere_is_known_there() -> None:
    there = {(one.path, one.language) for one in ALL if not one.not_run}
    assert {key for key in there if key[1] in {"python", "javascript"}} <= RUN_BY.keys() <= there
    for (path, _), test in RUN_BY.items():
        assert path.removeprefix("docs/") in (ROOT / test).read_text(), test


@of(*PARSERS)
def test_a_block_is_understood_by_what_it_is_for(block: Block) -> None:
    PARSERS[block.language](block.text)


@of("json")
def test_json_is_what_really_comes(block: Block, db: None) -> None:
    shown = json.loads(block.text)
    if block.title.startswith("GET "):
        assert_same_shape(shown, Client().get(block.title.removeprefix("GET ")).json())
    elif block.title == "frame":
        server_frame.validate_json(block.text)
    elif block.title == "frame of a client":
        client_frame.validate_json(block.text)
    elif block.title == "line of the log":
        record = logging.makeLogRecord({"name": "tasks", "msg": "m", "levelname": "WARNING"})
        real = json.loads(JsonFormatter().format(record)) | {"request_id": "", "run_id": ""}
        assert_same_shape(shown, real)
    else:
        raise AssertionError(f'{block} says of nothing that it is: a title, such as title="GET /readyz"')


@of("sh")
def test_every_command_exists_with_its_options_and_files(block: Block) -> None:
    found = commands.noted(block.text)
    assert found
    for words in found:
        commands.check(words)


@pytest.mark.parametrize("path", documents())
def test_every_command_in_a_text_exists_with_its_options(path: str) -> None:
    for words in commands.inline(path):
        if words[-1] not in commands.FOREIGN:
            commands.check(words)


@of("text")
def test_a_text_hides_no_code(block: Block) -> None:
    code = re.findall(
        r"^(?:\$ |#!|manage\.py |make |curl |docker |pip |import |from \w+ import |def |class |@task).*",
        block.text,
        re.M,
    )
    assert not code, f"{block} is code: {code}"
