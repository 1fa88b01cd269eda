"""Logging out, deactivating someone, taking a permission away: news for the hubs of all processes.

They re-check every few seconds anyway; this only makes it sooner.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group as UserGroup
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import m2m_changed, post_delete, post_save

from .groups import Group
from .publishing import publish_on_commit

ACCESS = Group("access", "all")  # every hub listens here


def connect() -> None:
    """Listen for whatever may change who is allowed what."""
    user = get_user_model()
    user_logged_out.connect(_changed, dispatch_uid="live-logged-out")
    post_save.connect(_user_saved, sender=user, dispatch_uid="live-user-saved")
    post_delete.connect(_changed, sender=user, dispatch_uid="live-user-deleted")
    for name in ("groups", "user_permissions"):
        through = getattr(getattr(user, name, None), "through", None)
        if through is not None:
            m2m_changed.connect(_changed, sender=through, dispatch_uid=f"live-user-{name}")
    m2m_changed.connect(_changed, sender=UserGroup.permissions.through, dispatch_uid="live-group-permissions")


def access_changed() -> None:
    """Somebody may be allowed less than before: hubs look at once who still may listen."""
    publish_on_commit([ACCESS], {"type": "access_changed"})


def _changed(**kwargs: Any) -> None:
    access_changed()


def _user_saved(*, created: bool, update_fields: Any = None, **kwargs: Any) -> None:
    # Signing in saves `last_login` alone; a new user has no sockets.
    if not created and set(update_fields or ()) != {"last_login"}:
        _changed()
