"""`make demo` as its reader meets it: an address, a password that works, an outcome, a server that stays; and again."""

import re
import signal
from pathlib import Path

import httpx2
import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User

from ingest.models import Article
from tasks.models import TaskRun
from tests.servers import Process, free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]


def test_the_demo_collects_stays_up_and_collects_only_what_is_new_the_second_time(
    started: list[Process], tmp_path: Path
) -> None:
    port, site = free_port(), str(free_port())

    def once(runs: int) -> str:
        """Run the demo until its run has ended, look at the page, press Ctrl-C. Returns what it printed."""
        demo = Process("demo", "--port", str(port), DATA_DIR=str(tmp_path), DEMO_SITE_PORT=site, COLUMNS="120")
        started.append(demo)
        ended = TaskRun.objects.filter(status="completed")
        eventually(lambda: ended.count() == runs, within=110, what="the collection ends")
        answer = httpx2.get(f"http://127.0.0.1:{port}/sign-in/", trust_env=False)
        assert answer.status_code == 200, "the server stays up"
        demo.send(signal.SIGINT)
        assert demo.wait() == 0
        return demo.log

    first = once(1)
    assert f"http://127.0.0.1:{port}/keyword-alerts/" in first
    assert "Traceback" not in first
    printed = re.search(r"Sign in as demo, password (\S+)", first)
    assert printed
    # Not user.check_password(): that would store it anew, with the tests' cheap hasher.
    assert check_password(printed[1], User.objects.get(username="demo").password)
    found = Article.objects.count()
    assert found == 200
    assert not Article.objects.filter(decision="pending").exists()

    second = once(2)
    assert printed[1] in second, "the same password"
    assert 0 < Article.objects.count() - found < 30
    assert TaskRun.objects.first().result["processed"] == Article.objects.count() - found
    assert User.objects.count() == 1
