"""What a topic's page of rules says of articles that were judged by other ones."""

from dataclasses import dataclass

from ingest.judging.recheck import to_recheck
from ingest.models import Topic
from ingest.rules import rules_of
from tasks.access import Viewer
from tasks.models import TaskRun
from tasks.presenters import NOT_SHOWN, RunView, present_run

COUNTED = 10_000
RECHECK = "ingest.jobs.recheck"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecheckView:
    """How many articles other rules have judged (`is_more`: at least so many), and the latest run that judges anew."""

    number: int
    is_more: bool
    run: RunView | None

    @property
    def is_running(self) -> bool:
        """Is it being done?"""
        return self.run is not None and self.run.is_live

    @property
    def is_offered(self) -> bool:
        """Is there something to do that nobody does?"""
        return bool(self.number) and not self.is_running


def present_recheck(topic: Topic, viewer: Viewer) -> RecheckView:
    """The offer to judge anew, and the latest run that did or does."""
    number = to_recheck(topic, rules_of(topic), COUNTED + 1)
    runs = TaskRun.objects.filter(task=RECHECK, topic=topic.channel, owner=topic.owner_id)
    run = runs.order_by("-created_at").select_related("owner").defer(*NOT_SHOWN).first()
    return RecheckView(
        number=min(number, COUNTED),
        is_more=number > COUNTED,
        run=present_run(run, viewer) if run is not None else None,
    )
