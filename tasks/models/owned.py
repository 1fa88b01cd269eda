"""What runs, and the counts of them, have in common: they belong to somebody, or to nobody."""

from collections.abc import Iterable
from typing import Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models

from tasks.states import Status


class OfOwners[M: models.Model](models.QuerySet[M]):
    """What stands in the database for runs that belong to somebody."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Those `user` may see: their own; every one for staff who may view runs."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff and user.has_perm("tasks.view_taskrun"):  # type: ignore[attr-defined]
            return self
        return self.filter(owner=user)


def summary_of(numbers: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The seed's `summary` object, of pairs of a status and a number."""
    by_status = dict(numbers)
    shown = (Status.RUNNING, Status.PENDING, Status.COMPLETED, Status.FAILED, Status.CANCELLED)
    return {"total": sum(by_status.values()), **{status.value: by_status.get(status, 0) for status in shown}}
