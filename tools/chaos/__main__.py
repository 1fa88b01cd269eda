"""`python -m tools.chaos --seconds 600 --seed N`: chaos, then the count. Exit code 1 if a promise was broken."""

import argparse
import asyncio
import logging
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import django


def main() -> None:
    """Say the seed, do it, say what came of it."""
    options = _options()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    begin = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - begin:7.1f} s  {text}", flush=True)

    say(f"seed {options.seed}, {options.seconds:.0f} s; everything is kept in {folder}")
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(ThreadPoolExecutor(64))
        broken = runner.run(_run(options, folder, say))
    if broken:
        print(f"\n{len(broken)} promises broken (seed {options.seed}); see {folder}")
        for one in broken:
            print(f"  - {one}")
        sys.exit(1)
    print(f"\nEvery promise was kept (seed {options.seed}).")
    if options.folder is None:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(options: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> list[str]:
    from tools.chaos.site import DRIVER, Site  # after the options: it starts a Postgres

    site = Site(folder, webs=options.webs, workers=options.workers)
    os.environ.update(site.driver_environment, DJANGO_SETTINGS_MODULE="statusproj.settings", LOG_LEVEL="WARNING")
    django.setup()
    # What we say of the outage ourselves stands with what the others say of it.
    logging.getLogger().handlers = [logging.FileHandler(folder / "driver.log")]
    from tools.chaos.course import Course  # wants settings, and they the address of the database

    course = Course(
        site,
        seed=options.seed,
        seconds=options.seconds,
        per_second=options.per_second,
        longest=options.longest,
        driver=DRIVER,
        say=say,
    )
    return await course.run()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="of disturbances; then all is calm")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="decides what is done to whom")
    parser.add_argument("--webs", type=int, default=2)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--per-second", type=float, default=2.0, help="runs that are enqueued")
    parser.add_argument("--longest", type=float, default=9.0, help="seconds somebody is frozen or stalled at most")
    parser.add_argument("--folder", type=Path, help="for the database and what was said; a new one by default")
    return parser.parse_args()


if __name__ == "__main__":
    main()
