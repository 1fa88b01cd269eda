"""The document of every bound in live/ says what the code says."""

import re
from importlib import import_module

import pytest

from live.conf import Conf, Setting
from tests.servers import ROOT

TABLE = dict(re.findall(r"^\| `(\w+\.[A-Z_]+)` \| ([\d.]+) \|", (ROOT / "docs" / "live.md").read_text(), re.MULTILINE))
MODULES = ("consumer", "delivery", "freshness", "gaps", "hub", "membership", "publishing", "sinks", "watchdog")


@pytest.mark.parametrize("name", MODULES)
def test_every_bound_is_documented_with_its_value(name: str) -> None:
    module = import_module(f"live.{name}")
    source = (ROOT / "live" / f"{name}.py").read_text()
    # Defined here, not imported from another module.
    own = re.findall(r"^([A-Z][A-Z_]+) = ", source, re.MULTILINE)
    bounds = {key: value for key in own if isinstance(value := getattr(module, key), int | float)}
    documented = {key.partition(".")[2]: float(value) for key, value in TABLE.items() if key.startswith(f"{name}.")}
    assert documented == bounds


def test_every_setting_is_documented_with_its_default() -> None:
    defaults = {name: value.default for name, value in vars(Conf).items() if isinstance(value, Setting)}
    documented = {key.partition(".")[2]: float(value) for key, value in TABLE.items() if key.startswith("conf.")}
    assert documented == defaults
