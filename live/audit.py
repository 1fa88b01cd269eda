"""What people did, told to whoever keeps a record of it. Who does registers here; without, nothing is kept.

Told where it happens, inside the transaction of what it tells of: rolled back, and neither happened.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from .middleware import Handler

type Changes = Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """Something that was done. `action` is like `run.cancelled`: its first word says of what sort `thing` is.

    `by`: who did it, None for whoever asks. `about`: the user whose account it is about. `changes`: what was before and
    what is now, field by field.
    """

    action: str
    thing: Model | str
    by: AbstractBaseUser | None = None
    about: int | None = None
    changes: Changes = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


type Recorder = Callable[[Deed], None]

_registered: list[Recorder] = []  # none, or the one that counts
_asking: ContextVar[HttpRequest | None] = ContextVar("asking", default=None)


def register(recorder: Recorder) -> None:
    """`recorder(deed)` keeps it, in the transaction it is called in."""
    _registered[:] = [recorder]


def record(
    action: str,
    thing: Model | str,
    *,
    by: AbstractBaseUser | None = None,
    about: int | None = None,
    changes: Changes | None = None,
    **details: Any,
) -> None:
    """Keep that this was done to `thing`. To be called in the transaction in which it is done."""
    if _registered:
        _registered[0](Deed(action=action, thing=thing, by=by, about=about, changes=changes or {}, details=details))


@contextmanager
def changing(
    action: str, row: Model, *fields: str, by: AbstractBaseUser | None = None, about: int | None = None
) -> Iterator[None]:
    """A transaction that may write these columns of `row`, by whatever means: keeps what came of it, if anything."""
    with transaction.atomic():
        before = _columns(row, fields)
        yield
        after = _columns(row, fields)
        changes = {name: (before.get(name), after.get(name)) for name in fields if before.get(name) != after.get(name)}
        if changes:
            record(action, row, by=by, about=about, changes=changes)


def request() -> HttpRequest | None:
    """The request that is being dealt with; None where nobody asks: in a worker, in the terminal."""
    return _asking.get()


@sync_and_async_middleware
def asking_middleware(get_response: Handler) -> Handler:
    """Lets `request` know who asks, without every function having to hand it on."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            token = _asking.set(request)
            try:
                return await get_response(request)
            finally:
                _asking.reset(token)

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        token = _asking.set(request)
        try:
            return get_response(request)  # type: ignore[return-value]
        finally:
            _asking.reset(token)

    return at_once


def _columns(row: Model, fields: tuple[str, ...]) -> dict[str, Any]:
    if not _registered:
        return {}
    return type(row)._default_manager.filter(pk=row.pk).values(*fields).first() or {}
