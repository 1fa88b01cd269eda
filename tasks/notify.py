"""The one notification a run leaves behind when it ends: what it says, and that it can never spoil the run."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from live.numbers import grouped
from notifications import facade
from notifications.recipients import name_and_language

from .db import by_the_way
from .models import TaskRun
from .sentences import said
from .states import Status
from .text import fit

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a notification will say."""

    type: str
    title: str
    message: str
    link: str | None = None


def send_outcome(run: TaskRun, texts: str = "") -> None:
    """Notify the owner that `run` ended. Called inside the transaction that ends it, so it happens once or not at all.

    `texts` is the dotted path of a function that takes the run and returns a Draft, or None for silence. Trouble in it,
    or in storing the notification, is logged and leaves the run as it ended. A connection that is lost meanwhile is
    raised: then nothing of the transaction is stored, and whoever ends the run has to do it again.
    """
    if run.owner_id is None or run.status == Status.CANCELLED:
        return
    with by_the_way(logger, "No notification for run %s", run.pk):
        owner = name_and_language(run.owner_id)
        if owner is None:
            return
        with translation.override(owner[1]):
            draft = _draft(run, texts)
        if draft is not None:
            facade.create_notification(
                username=owner[0],
                type=draft.type,
                title=draft.title,
                message=draft.message,
                link=draft.link,
            )


def _draft(run: TaskRun, texts: str) -> Draft | None:
    if not texts:
        return default_draft(run)
    try:
        write: Callable[[TaskRun], Draft | None] = import_string(texts)
        return write(run)
    except Exception:
        logger.exception("%s could not describe run %s; the plain words go out instead", texts, run.pk)
        return default_draft(run)


def default_draft(run: TaskRun) -> Draft:
    """The words for a task that brings none of its own."""
    if run.status == Status.COMPLETED:
        words = _("“%(name)s” completed.")
        if run.processed_items:
            words = ngettext(
                "“%(name)s” completed. %(count)s item processed.",
                "“%(name)s” completed. %(count)s items processed.",
                run.processed_items,
            )
        return Draft(
            type="task_completed",
            title=_("%(name)s: completed") % {"name": run.name},
            message=words % {"name": run.name, "count": grouped(run.processed_items)},
            link=run.get_absolute_url(),
        )
    return Draft(
        type="task_failed",
        title=_("%(name)s: failed") % {"name": run.name},
        message=fit(_("“%(name)s” failed: %(error)s") % {"name": run.name, "error": said(run.error)}, 500),
        link=run.get_absolute_url(),
    )
