"""Each alert fires when what it is about happens, and none while all is well: in Prometheus' own test of rules.

That a whole Prometheus reads the rules, and asks real processes, is held by tests/process/test_prometheus.py.
"""

import re
import subprocess
from pathlib import Path

import yaml

from tests.servers import require
from tests.test_deploy_metrics import ALERTS, DEPLOY

MINUTES = 60

# An hour of an installation in which all is well: some runs fail, some frames are too many for a slow reader.
WELL = {
    'up{job="statusproj-web",instance="web1:8000"}': "1",
    'up{job="statusproj-worker",instance="worker1:9101"}': "1",
    "statusproj_database_up": "1",
    "statusproj_workers": "2",
    "statusproj_oldest_pending_seconds": "30",
    'statusproj_queue_runs{queue="default",state="running"}': "3",
    'statusproj_queue_runs{queue="default",state="pending"}': "40",
    'statusproj_queue_oldest_seconds{queue="default"}': "30",
    'statusproj_runs_finished_total{task="collect",state="completed"}': "0+10x60",
    'statusproj_runs_finished_total{task="collect",state="failed"}': "0+1x60",
    "statusproj_worker_restarts": "1",
    'statusproj_frames_dropped_total{instance="web1:8000",where="socket"}': "0+600x60",
    'statusproj_frames_dropped_total{instance="web1:8000",where="layer"}': "0+6x60",
    'statusproj_deliveries_ended_last_hour{channel="email",state="failed"}': "3",
    'statusproj_deliveries_ended_last_hour{channel="email",state="sent"}': "300",
    'statusproj_deliveries_waiting{channel="email"}': "20",
    'statusproj_sources{health="healthy"}': "90",
    'statusproj_sources{health="failing"}': "10",
    "statusproj_database_parts_failed": "0",
    "statusproj_database_read_seconds": "0.1",
    'process_open_fds{job="statusproj-web",instance="web1:8000"}': "900",
    'process_max_fds{job="statusproj-web",instance="web1:8000"}': "65536",
}

# What is different when it happens, and the labels by which one sees where.
WRONG: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "StatusprojWebDown": (
        {'up{job="statusproj-web",instance="web1:8000"}': "0"},
        {"job": "statusproj-web", "instance": "web1:8000"},
    ),
    "StatusprojDatabaseAway": ({"statusproj_database_up": "0"}, {}),
    "StatusprojNoWorker": ({"statusproj_workers": "0"}, {}),
    "StatusprojLineStandsStill": (
        {
            "statusproj_oldest_pending_seconds": "300",
            'statusproj_queue_runs{queue="default",state="running"}': "0",
        },
        {},
    ),
    "StatusprojRunsWaitLong": ({'statusproj_queue_oldest_seconds{queue="default"}': "700"}, {"queue": "default"}),
    "StatusprojRunsFail": (
        {'statusproj_runs_finished_total{task="collect",state="failed"}': "0+10x60"},
        {"task": "collect"},
    ),
    "StatusprojWorkersRestart": ({"statusproj_worker_restarts": "4"}, {}),
    "StatusprojFramesLost": (
        {'statusproj_frames_dropped_total{instance="web1:8000",where="layer"}': "0+120x60"},
        {"instance": "web1:8000", "where": "layer"},
    ),
    "StatusprojDeliveriesFail": (
        {'statusproj_deliveries_ended_last_hour{channel="email",state="failed"}': "11"},
        {"channel": "email"},
    ),
    "StatusprojDeliveriesWait": ({'statusproj_deliveries_waiting{channel="email"}': "1001"}, {"channel": "email"}),
    "StatusprojSourcesFail": ({'statusproj_sources{health="failing"}': "91"}, {}),
    "StatusprojFiguresSlow": ({"statusproj_database_read_seconds": "2.5"}, {}),
    "StatusprojFilesRunOut": (
        {'process_open_fds{job="statusproj-web",instance="web1:8000"}': "60000"},
        {"job": "statusproj-web", "instance": "web1:8000"},
    ),
}


def series(values: dict[str, str]) -> list[dict[str, str]]:
    """As promtool reads them: a figure that stays, or one that grows."""
    return [
        {"series": name, "values": value if "x" in value else f"{value}+0x{MINUTES}"} for name, value in values.items()
    ]


type Expected = dict[str, list[dict[str, object]]]


def case(values: dict[str, str], expected: Expected) -> dict[str, object]:
    """After an hour of `values` exactly the `expected` of each alert fire."""
    asked = [
        {"eval_time": f"{MINUTES}m", "alertname": alert, "exp_alerts": alerts} for alert, alerts in expected.items()
    ]
    return {"interval": "1m", "input_series": series(values), "alert_rule_test": asked}


def promtool(folder: Path, *cases: dict[str, object]) -> None:
    """Fails unless it is so in each of the `cases`. One start for all of them."""
    path = folder / "cases.yml"
    path.write_text(yaml.safe_dump({"rule_files": [str(DEPLOY / "prometheus" / "alerts.yml")], "tests": list(cases)}))
    told = subprocess.run(
        [require("promtool"), "test", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_none_fires_while_all_is_well(tmp_path: Path) -> None:
    promtool(tmp_path, case(WELL, {str(rule["alert"]): [] for rule in ALERTS}))


def test_each_fires_when_that_happens_and_says_where_and_what_to_do(tmp_path: Path) -> None:
    assert WRONG.keys() == {rule["alert"] for rule in ALERTS}
    assert all(different.keys() <= WELL.keys() for different, _ in WRONG.values())
    cases = []
    for rule in ALERTS:
        different, labels = WRONG[rule["alert"]]
        shown: dict[str, object] = {
            "exp_labels": {**labels, "severity": rule["labels"]["severity"]},
            "exp_annotations": {name: filled(text, labels) for name, text in rule["annotations"].items()},
        }
        cases.append(case(WELL | different, {rule["alert"]: [shown]}))
    promtool(tmp_path, *cases)


def filled(text: str, labels: dict[str, str]) -> str:
    """What people read, with what Prometheus puts between the braces. Half of the runs fail, where runs fail."""
    text = text.replace("{{ $value | humanizePercentage }}", "50%")
    return re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)
