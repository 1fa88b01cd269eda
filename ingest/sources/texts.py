"""What the bell says when an import has ended."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from tasks.models import TaskRun
from tasks.notify import Draft
from tasks.states import Status

from .importing import describe


def import_outcome(run: TaskRun) -> Draft:
    """The notification for an import: its numbers, or what went wrong."""
    name = run.metadata.get("topic_name", "")
    if run.status == Status.COMPLETED:
        result: dict[str, Any] = run.result if isinstance(run.result, dict) else {}
        # Failures are listed line by line with the run.
        link = run.get_absolute_url() if result.get("failed") else reverse("topic-sources", args=[result["topic_id"]])
        return Draft(
            type="sources_imported",
            title=_("Sources imported"),
            message=_("Sources of “%(topic)s”: %(counts)s.") % {"topic": name, "counts": describe(result)},
            link=link,
        )
    return Draft(
        type="sources_import_error",
        title=_("Import of sources failed"),
        message=_("Importing sources into “%(topic)s” stopped: %(error)s")
        % {"topic": name, "error": run.error[:400] or _("the reason is unknown.")},
        link=run.get_absolute_url(),
    )
