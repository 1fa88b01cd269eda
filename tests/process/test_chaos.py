"""`make chaos`, the short one: parts of a whole installation are killed, frozen and cut off; then all is counted."""

import subprocess
import sys

import pytest

from tests.servers import ROOT, require

pytestmark = [pytest.mark.process, pytest.mark.redis, pytest.mark.timeout(600)]

SECONDS = 40  # of disturbances; with start, rest and end a minute and a half


def test_chaos_breaks_no_promise() -> None:
    require("redis-server")
    command = [sys.executable, "-W", "ignore", "-m", "tools.chaos", "--seconds", str(SECONDS), "--per-second", "1.5"]
    # The seed is the first thing it prints; what it says is shown when it fails, and then its folder is kept.
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0
