"""docs/library.md shows what the example does, line by line, and the settings that there are."""

import re
from typing import Any

from live.conf import Conf as LiveConf
from live.conf import Setting
from notifications.conf import Conf as NotificationsConf
from statusproj import settings as site
from tasks.conf import Conf as TasksConf
from tests.documented import rows
from tests.library.shop import EXAMPLE
from tests.servers import ROOT

SETTINGS: dict[str, Setting[Any]] = {
    name: value
    for conf in (LiveConf, NotificationsConf, TasksConf)
    for name, value in vars(conf).items()
    if isinstance(value, Setting)
}


def lines_of(text: str) -> list[str]:
    """The lines of its blocks of code, shell apart."""
    blocks = re.findall(r"^```(?:python|html)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_ten_lines_are_ten_and_stand_in_the_example_so() -> None:
    document = (ROOT / "docs" / "library.md").read_text()
    ten = lines_of(document.split("## Ten lines")[1].split("\n## ")[0])
    assert len(ten) == 10
    files = [path for path in EXAMPLE.rglob("*") if path.suffix in {".py", ".html"}]
    there = {line.strip() for path in files for line in path.read_text().splitlines()}
    assert set(lines_of(document)) - there == set()


def test_every_setting_is_in_the_document_with_its_default() -> None:
    documented = {name: default for name, default, _meaning in rows("docs/library.md", "setting")}
    assert set(documented) == set(SETTINGS)
    for name, setting in SETTINGS.items():
        if name != "TASKS_GRACE_PERIOD":
            assert documented[name] == repr(setting.default).replace("'", '"'), name


def test_the_site_has_the_same_defaults() -> None:
    """What its environment does not change: a reader of one table knows the other."""
    own = {"NOTIFICATIONS_TRANSPORT", "TASKS_PRELOAD", "TASKS_SCHEDULABLE", "TASKS_CLOCKS", "TASKS_REDACT"}
    code = (ROOT / "statusproj" / "settings.py").read_text()
    for name in SETTINGS.keys() - own:
        assert hasattr(site, name), name
        said = re.search(rf'^{name} = \w+\(os\.environ\.get\("{name}", "([^"]+)"\)\)', code, re.MULTILINE)
        if said:
            assert float(said[1]) == SETTINGS[name].default, name
