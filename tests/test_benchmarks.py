"""The page of the benchmarks says what was measured, and nothing else."""

from importlib.util import find_spec

from benchmarks import plots, report
from benchmarks.__main__ import MODULES
from benchmarks.soak import slope


def test_page_and_plots_are_what_the_kept_results_make_of_them() -> None:
    figures = report.read()
    assert (report.DOCS / "benchmarks.md").read_text() == report.render(figures), "run: python -m benchmarks.report"
    drawn = {path.name: path.read_text() for path in (report.DOCS / "plots").glob("*.svg")}
    assert drawn == {f"{figure['key']}.svg": plots.draw(figure) for figure in figures}


def test_every_figure_has_a_baseline_and_a_target() -> None:
    for figure in report.read():
        assert sum(row["is_baseline"] for row in figure["rows"]) == 1, figure["key"]
        assert figure["target"], figure["key"]


def test_every_benchmark_that_make_bench_runs_is_there() -> None:
    assert [name for name in MODULES if find_spec(f"benchmarks.{name}") is None] == []


def test_a_process_that_grows_is_told_from_one_that_jumps_once() -> None:
    growing = [(float(second), 100.0 + second / 10) for second in range(0, 3600, 15)]
    steady = [(float(second), 200.0 if second == 3000 else 100.0) for second in range(0, 3600, 15)]
    assert abs(slope(growing) - 0.1) < 0.001
    assert slope(steady) == 0
