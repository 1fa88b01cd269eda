"""The browser client that docs/frames.md shows, as it stands there."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from tests.browser.tabs import Tab
from tests.documented import block
from tests.tasks import functions

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_the_javascript_example_follows_a_run_to_its_end(
    owner: User, stranger: User, tab_of: Callable[[User], Tab]
) -> None:
    run = functions.reporter.using(owner=owner).enqueue("javascript example").id
    code = block("frames.md", "javascript")
    follow = f"""async () => {{
        {code}
        const seen = [];
        const last = await watch("{run}", (frame) => seen.push(frame.status)).catch((error) => error.message);
        return {{ last, seen }};
    }}"""
    refused = tab_of(stranger).open("/").evaluate(follow)
    assert refused == {"last": "closed with 4404", "seen": []}
    page = tab_of(owner).open("/")
    functions.gate_file("javascript example").touch()
    told = page.evaluate(follow)
    assert (told["last"]["status"], told["last"]["results"]) == ("completed", {"reported": 3})
    assert told["seen"].count("batch_update") == 3
