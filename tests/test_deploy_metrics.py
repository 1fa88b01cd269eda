"""Dashboard and alert rules in deploy/ ask for metrics that exist, with labels that exist.

That docs/observability.md lists what the program really says, and no other, is held by tests/pages/test_metrics.py.
"""

import json
import re
from typing import Any

import pytest
import yaml

from tests.documented import rows
from tests.servers import ROOT

DEPLOY = ROOT / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
METRICS = {row[0]: set(re.findall(r"[a-z]+", row[1])) for row in rows("docs/observability.md", "metric")}
# What the client and Prometheus themselves add.
OTHERS = {"up", "process_open_fds", "process_max_fds", "process_cpu_seconds_total", "process_resident_memory_bytes"}
OF_PROMETHEUS = {"job", "instance", "le"}
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
ASKED = [
    *((panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]),
    *((rule["alert"], rule["expr"]) for rule in ALERTS),
]


@pytest.mark.parametrize(("where", "expression"), ASKED, ids=[f"{where} {n}" for n, (where, _) in enumerate(ASKED)])
def test_what_is_asked_for_is_there(where: str, expression: str) -> None:
    named = set(re.findall(r"\b(?:statusproj|process)_[a-z_]+|\bup\b", re.sub(r'"[^"]*"', '""', expression)))
    assert named
    labels: set[str] = set()
    for name in named - OTHERS:
        family = name.removesuffix("_bucket")
        assert family in METRICS, f"{where} asks for {name}"
        assert (family != name) == (family.endswith("_seconds") and "histogram" in meaning(family)), name
        labels |= METRICS[family]
    used = {label for group in re.findall(r"by \(([a-z_, ]+)\)", expression) for label in re.findall(r"[a-z_]+", group)}
    used |= set(re.findall(r"([a-z_]+)(?:=~|!~|!=|=)\"", expression))
    assert used <= labels | OF_PROMETHEUS, f"{where}: no label {used - labels - OF_PROMETHEUS}"
    assert expression.count("(") == expression.count(")")
    if any(name.endswith(("_total", "_bucket")) for name in named):
        assert re.search(r"\b(?:rate|increase)\(", expression), f"{where}: a counter is read by its rate"


def meaning(metric: str) -> str:
    """What the document says of it."""
    return next(row[2] for row in rows("docs/observability.md", "metric") if row[0] == metric)


def test_figures_that_every_web_process_says_alike_are_not_added_up() -> None:
    everywhere = {name for name in METRICS if "_total" not in name and "histogram" not in meaning(name)}
    everywhere.remove("statusproj_sockets")
    for where, expression in ASKED:
        for name in everywhere & set(re.findall(r"statusproj_[a-z_]+", expression)):
            assert re.search(rf"(?:max|min)(?: by \([a-z, ]+\))? ?\({name}\b", expression), (where, name)


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"warning", "critical"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]
        assert re.fullmatch(r"\d+m", rule["for"]), rule["alert"]
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)


def test_panels_do_not_lie_over_each_other_and_take_any_data_source() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place: dict[str, Any] = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24 and (x, y) not in taken, (panel["title"], taken.get((x, y)))
                taken[x, y] = panel["title"]
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in PANELS)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
