"""The benchmark of a whole installation, small: it must not rot, and what it checks must hold at any size."""

import os
from contextlib import ExitStack

import pytest

from benchmarks.scale_out import checks
from benchmarks.scale_out.plan import Load, Shape
from benchmarks.scale_out.rounds import Round, installation
from tests.servers import require


@pytest.mark.skipif("BENCHMARKS" not in os.environ, reason="a minute for a benchmark: BENCHMARKS=1 runs it")
def test_a_small_installation_under_load_loses_nothing_and_tells_everybody_once() -> None:
    require("redis-server")
    shape, load = Shape(webs=1, workers=1), Load(users=4, runs=40, seconds=2)
    with installation(shape) as fleet, ExitStack() as stack:
        round_ = Round(shape, load, fleet, stack)
        measured = round_.run()
        assert measured.trouble == []
        assert len(measured.waits["single"]) == load.trickle
        assert measured.delays["end"]
        # Each run waits, runs, and ends, and is told of each time; most of that comes from workers.
        assert measured.traffic["published"] >= 3 * load.runs
        assert measured.traffic["sent"] >= len(measured.delays["end"])
        assert {"postgres", "redis", "web", "worker", "load", "sockets"} <= measured.cpu["ended"].keys()
        assert measured.spent("worker") > 0

        # What is checked can be found wanting.
        heard = round_.heard
        heard[0]["ends"].clear()
        heard[2]["backwards"] += 1
        heard[3]["closed"] = 1012
        assert checks.sockets(round_.database, round_.sockets, heard) == [
            "1 × mine, HTML: frames came that were not newer",
            "1 × run: ends were not heard",
            "1 × topic: sockets were closed",
        ]
        round_.database.execute("DELETE FROM notifications WHERE id = (SELECT max(id) FROM notifications)")
        assert checks.database(round_.database, load) == [
            "39 notifications, counted ones included, not 40",
            "1 users with more or fewer notifications than runs, not 0",
        ]
        (fleet.folder / "web-1.log").write_text("12:00 ERROR something\n")
        assert checks.logs(fleet.folder) == ["web-1.log: 12:00 ERROR something"]
