"""The example project in an environment of its own, with nothing in it but the wheel and what that asks for."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.conf import settings

from tests.library.shop import Shop
from tests.own_postgres import OwnPostgres
from tests.servers import ROOT

# In one process: each that starts loads everything anew. A migration that is missing ends it with an error.
PREPARE = """
from django.core.management import call_command
call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)
call_command("migrate", verbosity=0)
for name in ("ada", "bea", "eve"):  # each does what nobody else does: the tests share the shop
    Customer.objects.create_user(name, password=name)
"""
UV = Path(sys.executable).with_name("uv")


def uv(*arguments: str | Path) -> None:
    """Run uv; what it says is shown when it fails."""
    environment = {**os.environ, "UV_SYSTEM_CERTS": "true"}
    done = subprocess.run([UV, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with the wheel, and with the environment `venv` that it is installed in; made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "library"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            uv("build", "--quiet", "--wheel", "--out-dir", folder)
            uv("venv", "--quiet", "--python", sys.executable, folder / "venv")
            [wheel] = folder.glob("*.whl")
            # The versions that everything else is tested with; they are in uv's cache since this project was set up.
            versions = ("--constraint", ROOT / "requirements.lock")
            uv("pip", "install", "--quiet", "--python", folder / "venv", *versions, wheel)
            (folder / "ready").touch()
    return folder


@pytest.fixture(scope="session")
def shop(installed: Path) -> Iterator[Shop]:
    """The example, migrated, on a Postgres of its own."""
    # Not in pytest's folder: each pytest that starts on this machine closes that to Postgres' own user.
    with TemporaryDirectory(prefix="shop-", dir=settings.DATA_DIR) as folder:
        postgres = OwnPostgres(Path(folder))
        try:
            shop = Shop(installed / "venv" / "bin" / "python", postgres.libpq)
            shop.shell(PREPARE)
            yield shop
        finally:
            postgres.end()
