"""Runs of what documents show."""

from tasks.models import TaskRun
from tasks.states import FINAL
from tests.waiting import eventually


def ended(run_id: object) -> TaskRun:
    """The run, once it has ended."""
    return eventually(lambda: TaskRun.objects.filter(pk=run_id, status__in=FINAL).first(), within=60)
