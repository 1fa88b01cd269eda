"""What a worker writes down is in the language of whom the run belongs to."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from notifications.preferences import save_preferences
from tasks.models import TaskRun
from tasks.states import FINAL
from tests.tasks import working_functions as functions
from tests.waiting import eventually
from tests.workers import WorkerThread


def results(*runs: Any) -> list[Any]:
    """What the runs returned, once they have ended."""
    ended = [
        eventually(lambda run=run: TaskRun.objects.filter(pk=run.id, status__in=FINAL).first(), what="the run ends")
        for run in runs
    ]
    return [run.result for run in ended]


@pytest.mark.parametrize("function", [functions.language_in_a_thread, functions.language_in_a_child])
def test_a_function_writes_in_the_language_of_its_owner(
    worker: WorkerThread, owner: User, stranger: User, function: Any
) -> None:
    save_preferences(owner, language="de")
    runs = [function.using(owner=user).enqueue() for user in (owner, stranger, None)]
    assert results(*runs) == ["de", "en", "en"]


def test_coroutines_side_by_side_do_not_mix_their_languages(worker: WorkerThread, owner: User, stranger: User) -> None:
    save_preferences(owner, language="de")
    save_preferences(stranger, language="es")
    runs = [functions.language_in_the_loop.using(owner=user).enqueue() for user in (owner, stranger, None)]
    assert results(*runs) == [["de"] * 3, ["es"] * 3, ["en"] * 3]
