"""Task functions that tests run: isolated ones, and those that log, keep a ledger or leave checkpoints."""

import asyncio
import logging
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import transaction
from django.tasks import task
from django.utils.translation import get_language

from tasks.backend import TaskContext
from tasks.exceptions import DoNotRetry, RunStopped
from tasks.item_style import ItemLabel, ItemStyle
from tests.tasks.functions import gate, gate_file

logger = logging.getLogger(__name__)


@task(takes_context=True, isolate=True)
def isolated_work(context: TaskContext, total: int) -> dict[str, Any]:
    """Everything a function may say, from a process of its own."""
    logger.info("module line")
    context.log("context line", level="warning")
    for number in context.progress.track(range(total), stage="working"):
        context.items.done(f"item {number}", {"n": number})
    context.progress.batch(completed=1, total=1, results=[{"ok": True}])
    context.checkpoint.save({"done": total})
    return {"pid": os.getpid(), "users": User.objects.count()}


@task(isolate=True, takes_context=True)
def isolated_spin(context: TaskContext) -> None:
    """Never ends, never reports again, and holds on to the interpreter."""
    context.progress.update(stage="spinning", message=str(os.getpid()))
    context.log(f"pid {os.getpid()}")
    time.sleep(0.3)
    re.match(r"(a+)+$", "a" * 60 + "b")


@task(isolate=True, takes_context=True)
def isolated_with_grandchild(context: TaskContext) -> None:
    """Waits for a program that it started."""
    program = subprocess.Popen(["sleep", "600"])
    context.progress.update(stage="waiting", message=f"{os.getpid()} {program.pid}")
    program.wait()


@task(isolate=True, takes_context=True)
def isolated_that_cleans_up(context: TaskContext) -> None:
    """Reports while it waits, and says that it was stopped."""
    try:
        while True:
            context.progress.update(stage="waiting")
            time.sleep(0.01)
    finally:
        logger.info("cleaned up")


@task(isolate=True)
def isolated_raise() -> None:
    """Fails with a password in its message."""
    raise ValueError("cannot reach postgres://app:hunter2@db/prod")


@task(isolate=True, takes_context=True)
def isolated_death(context: TaskContext, how: str) -> Any:
    """Ends its process in one of the ways processes end."""
    context.log("last words")
    time.sleep(0.3)
    match how:
        case "exit":
            os._exit(7)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "sys.exit":
            raise SystemExit(3)
    return object()


@task(max_attempts=5, backoff=timedelta(milliseconds=1))
def fail_for_good() -> None:
    """Would have attempts left, and says that they would change nothing."""
    raise DoNotRetry("The account was closed.")


@task(max_attempts=5, backoff=timedelta(milliseconds=1), isolate=True)
def isolated_fail_for_good() -> None:
    """The same from a process of its own."""
    raise DoNotRetry("The account was closed.")


@task(takes_context=True, max_attempts=3, backoff=timedelta(milliseconds=1))
def long_work(context: TaskContext, total: int, trace: str) -> int:
    """Goes on where the last attempt was; leaves a line in the file `trace` for every item it does."""
    first = context.checkpoint.value or 0
    context.progress.update(processed=first, total=total, stage="working")
    with open(trace, "a") as file:
        for number in range(first, total):
            file.write(f"{number}\n")
            file.flush()
            context.items.done(number)
            context.checkpoint.save(number + 1)
            context.progress.update(processed=number + 1)
    return first


@task(takes_context=True, isolate=True, max_attempts=3, backoff=timedelta(milliseconds=1))
def long_work_isolated(context: TaskContext, total: int, trace: str) -> int:
    """The same in a child."""
    return long_work.func(context, total, trace)


@task(takes_context=True, max_attempts=2, backoff=timedelta(milliseconds=1))
async def keep_and_fail(context: TaskContext) -> Any:
    """Leaves a checkpoint with its first attempt; the second returns it."""
    if context.checkpoint.value is not None:
        return context.checkpoint.value
    await context.checkpoint.asave({"seen": [1, 2]})
    raise ConnectionError("not yet")


@task(takes_context=True)
def keep_too_much(context: TaskContext) -> None:
    """A checkpoint beyond the bound."""
    context.checkpoint.save("x" * 2_000_000)


@task(takes_context=True)
def keep_when_stopped(context: TaskContext) -> None:
    """Saves where it is when told to stop."""
    number = 0
    try:
        while True:
            context.progress.update(stage="waiting")
            number += 1
            time.sleep(0.01)
    except RunStopped:
        context.checkpoint.save(number)


@task(takes_context=True)
def keep_within_a_transaction(context: TaskContext) -> None:
    """Its work is undone, and its checkpoint with it."""
    with suppress(KeyError), transaction.atomic():
        User.objects.create(username="made and unmade")
        context.checkpoint.save("beyond")
        raise KeyError


@task
def say(text: str) -> None:
    """Logs from the module, from below it, from elsewhere, and from a thread's context."""
    logger.info("%s: info", text)
    logger.debug("%s: debug", text)
    logging.getLogger(f"{__name__}.below").warning("%s: below", text)
    logging.getLogger("elsewhere").error("%s: elsewhere", text)
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("%s: with an error", text)


@task
async def say_in_coroutine(text: str) -> None:
    """The same from a coroutine and the thread it waits for."""
    await asyncio.sleep(0.05)
    say.func(text)
    await asyncio.to_thread(logger.info, "%s: thread", text)


@task(isolate=True)
def say_secrets() -> None:
    """What must not be kept as it is."""
    logger.info("connecting to postgres://app:hunter2@db/prod?token=abc123")
    logger.info("nul \x00 and %s", "x" * 50_000)
    logger.info("wrong %d", "arguments")


@task(takes_context=True)
def say_and_wait(context: TaskContext, name: str) -> None:
    """Logs, then waits."""
    logger.info("before the gate")
    while not gate(name).is_set():
        context.progress.update(stage="waiting")
        time.sleep(0.01)
    raise ValueError("after the gate")


@task(max_attempts=2, backoff=timedelta(milliseconds=1))
def say_too_much(lines: int) -> None:
    """More lines than a run keeps."""
    for number in range(lines):
        logger.info("line %s", number)


@task(isolate=True)
def say_too_much_isolated(lines: int) -> None:
    """The same in a child."""
    say_too_much.func(lines)


@task(takes_context=True, max_attempts=1)
def ledger_work(context: TaskContext, total: int, broken: Sequence[int]) -> dict[str, Any]:
    """Keeps a ledger; does only what is asked for when somebody retries what failed."""
    keys = [str(number) for number in range(total)] if context.items.only is None else context.items.only
    for key in keys:
        if int(key) in broken and context.items.only is None:
            context.items.failed(key, ValueError(f"={key} at https://me:secret@host/"))
        else:
            context.items.done(key, {"square": int(key) ** 2})
    return {"done": list(keys) if context.items.only is not None else len(keys)}


@task(takes_context=True)
async def keep_ledger_and_log(context: TaskContext, gate_name: str, total: int, end: str) -> dict[str, Any]:
    """Logs and keeps a ledger in two halves, with a gate between processes after each; ends as it is told."""
    only = context.items.only
    keys = [str(number) for number in range(total)] if only is None else list(only)
    for part, half in enumerate((keys[: len(keys) // 2], keys[len(keys) // 2 :])):
        for key in half:
            logger.info("item %s", key)
            if int(key) % 10 == 3 and only is None:
                context.items.failed(key, ValueError("not a number"))
            else:
                context.items.done(key)
            context.progress.advance()
        opened = gate_file(f"{gate_name}-{part}")
        while only is None and not opened.exists():  # noqa: ASYNC110 - the gate is opened by another process
            await asyncio.sleep(0.02)
        opened.unlink(missing_ok=True)
    if end == "fail" and only is None:
        raise ValueError("the end of it")
    return {"did": len(keys)}


@task(
    takes_context=True,
    max_attempts=3,
    item_style=ItemStyle(
        noun="Parcels",
        key="parcel",
        columns=("weight",),
        labels=(ItemLabel(key="heavy", word="Heavy", icon="check", tone="good"),),
    ),
)
def weigh(context: TaskContext, broken: Sequence[str] = ()) -> dict[str, Any]:
    """Does what it was given and has not done; what is broken fails, once."""
    left = context.items.left()
    for key, given in left:
        if key in broken and context.run.retry_of_id is None:
            context.items.failed(key, "It fell apart.", {"weight": 0})
        else:
            context.items.done(key, {"weight": given["weight"]}, label="heavy" if given["weight"] > 2 else "")
    return {"done": [key for key, _ in left]}


@task
def language_in_a_thread() -> str:
    """What a sync function writes in."""
    return str(get_language())


@task
async def language_in_the_loop() -> list[str | None]:
    """What a coroutine and its thread write in, before and after others had their turn."""
    before = get_language()
    await asyncio.sleep(0.2)
    return [before, get_language(), await sync_to_async(get_language)()]


@task(isolate=True)
def language_in_a_child() -> str:
    """What an isolated function writes in."""
    return str(get_language())
