"""The version before this one: which commit, and its files as they were."""

import subprocess
from pathlib import Path

import pytest

from tests.servers import ROOT

COMMIT = (Path(__file__).parent / "previous.txt").read_text().strip()


def unpack(folder: Path) -> Path:
    """The files of the version before, under `folder`. Skips the test where git does not have them."""
    found = subprocess.run(
        ["git", "cat-file", "-e", f"{COMMIT}^{{commit}}"], cwd=ROOT, capture_output=True, check=False
    )
    if found.returncode:
        pytest.skip(
            f"commit {COMMIT[:12]} (tests/versions/previous.txt) is not in this clone: "
            "git fetch --unshallow brings it; an archive without history cannot have it"
        )
    folder.mkdir()
    archive = subprocess.Popen(["git", "archive", COMMIT], cwd=ROOT, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
    assert archive.stdout is not None
    archive.stdout.close()
    assert archive.wait() == 0
    return folder
