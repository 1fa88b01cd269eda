"""The calculator of fleets: its constants are the figures that are kept, and its page says the same."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tools import sizing
from tools.sizing import Wanted

COSTS = sizing.Costs(
    run={"workers": 20.0, "webs": 10.0, "Postgres": 5.0, "Redis": 0.5, "nginx": 0.5, "all of it": 36.0},
    opened={"webs": 10.0, "Postgres": 2.0},
    held={"webs": 0.05, "Postgres": 0.01},
    weight={"webs": 0.02, "nginx": 0.01},
    process={"a web": 150.0, "a worker": 120.0, "Postgres, all of it": 200.0, "Redis": 10.0, "nginx": 10.0},
    published=7.0,
    sent=20.0,
    delivered={"daphne": 0.09, "uvicorn": 0.03},
)


def test_the_page_has_the_figures_that_are_kept() -> None:
    text = sizing.PAGE.read_text()
    if (sizing.RESULTS / "scale_out_run.json").exists():
        assert sizing.page(text, sizing.read()) == text, "python -m tools.sizing --write brings it in step"
    else:
        assert "Not measured on a quiet machine yet" in text
    assert sizing.table(COSTS) in sizing.page(text, COSTS)


def test_without_figures_it_says_how_to_get_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sizing, "read", partial(sizing.read, tmp_path))
    with pytest.raises(SystemExit):
        sizing.main([])
    assert "python -m benchmarks.scale_out" in capsys.readouterr().err


def test_more_runs_need_more_of_everything_in_proportion() -> None:
    few, many = (sizing.fleet(Wanted(runs=runs, sockets=0), COSTS) for runs in (10, 100))
    for name, part in few.items():
        assert many[name].cores == pytest.approx(10 * part.cores)
    assert many["workers"].processes > few["workers"].processes


def test_sockets_cost_memory_and_looks_though_nothing_happens() -> None:
    none, some = (sizing.fleet(Wanted(runs=0, sockets=sockets), COSTS) for sockets in (0, 10_000))
    assert none["webs"].cores == none["workers"].cores == 0
    assert some["webs"].cores > 0
    assert some["webs"].megabytes > none["webs"].megabytes


def test_each_watcher_costs_the_webs_what_a_frame_costs_them() -> None:
    one, two = (sizing.fleet(Wanted(runs=10, sockets=100, watchers=each), COSTS)["webs"].cores for each in (1, 2))
    assert two - one == pytest.approx(10 * COSTS.published * COSTS.delivered["daphne"] / 1000)


def test_there_are_two_of_each_at_least_so_that_one_may_be_replaced() -> None:
    parts = sizing.fleet(Wanted(runs=0.1, sockets=1), COSTS)
    assert (parts["webs"].processes, parts["workers"].processes) == (2, 2)


def test_a_redis_that_would_be_full_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "read", lambda: replace(COSTS, run={**COSTS.run, "Redis": 10.0}))
    assert sizing.main(["--runs-per-second", "10", "--sockets", "100"]) == 0
    assert "One Redis" not in capsys.readouterr().out
    assert sizing.main(["--runs-per-second", "100", "--sockets", "100"]) == 0
    assert "One Redis uses one core" in capsys.readouterr().out
