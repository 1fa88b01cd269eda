"""What the bell in every page's header needs."""

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.http import HttpRequest

from . import facade

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bell:
    """The bell of one user on one page. Asks the database once, and only if a template asks the bell."""

    user: AbstractBaseUser | AnonymousUser

    @cached_property
    def unread(self) -> int:
        """How many notifications the user has not read."""
        if not self.user.is_authenticated:
            return 0
        try:
            return facade.get_unread_count(self.user)  # type: ignore[arg-type]
        except DatabaseError:
            # The page has something to say even when the bell has not.
            logger.exception("No unread count for the bell")
            return 0


def bell(request: HttpRequest) -> dict[str, Any]:
    """`bell` for every template."""
    return {"bell": Bell(getattr(request, "user", AnonymousUser()))}
