"""Functions that look, every so often, whether something is due: setting TASKS_CLOCKS.

It maps the dotted path of a function without arguments to the seconds between two calls. Every worker calls it, so
several may call it at once: the function itself sees to it, by row locks, that what is due is done by one of them.
"""

import asyncio
import logging
import random
from collections.abc import Callable

from django.utils.module_loading import import_string

from .conf import conf
from .db import in_thread

logger = logging.getLogger(__name__)

OURS = {"notifications.upkeep.look": 10.0}  # a project need not say so


async def keep_calling() -> None:
    """Call what the setting names, each in its own rhythm, for ever. Every worker does."""
    async with asyncio.TaskGroup() as group:
        for path, seconds in {**OURS, **conf.TASKS_CLOCKS}.items():
            group.create_task(_keep_calling(path, seconds), name=path)
        await asyncio.Event().wait()  # with nothing to call, there is nothing to end either


async def _keep_calling(path: str, seconds: float) -> None:
    while True:
        # Workers that started together should not look together.
        await asyncio.sleep(seconds * (0.75 + random.random() / 2))  # noqa: S311
        try:
            function: Callable[[], object] = import_string(path)
            await in_thread(function)
        except Exception as error:  # one function's trouble is not the others'
            logger.warning("%s could not look for what is due (%r); trying again", path, error)
