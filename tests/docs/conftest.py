"""Code of the documents, made so that workers and child processes find it."""

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.browser.conftest import chromium as chromium
from tests.documented import blocks

type Make = Callable[[str, str], ModuleType]


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """`shown(path, given)`: the Python of a document as a module, behind `given`: what its reader has already."""
    monkeypatch.syspath_prepend(tmp_path)
    made: list[str] = []

    def make(path: str, given: str) -> ModuleType:
        # A real file, so that workers and child processes find it by name.
        name = f"shown_{re.sub(r'[^a-z]', '_', path.lower())}_{tmp_path.name}"
        made.append(name)
        (tmp_path / f"{name}.py").write_text("\n\n".join([given, *blocks(path, "python")]))
        return importlib.import_module(name)

    yield make
    for name in made:
        sys.modules.pop(name, None)
