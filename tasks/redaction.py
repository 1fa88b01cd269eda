"""What nobody is shown: values under names such as `password`, and secrets inside texts. Functions get them."""

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from .options import task_at
from .secret_names import is_secret_name
from .text import mask_secrets

HIDDEN = "***"
TOO_DEEP = "… nested too deeply to be shown"
MAX_DEPTH = 100


def is_secret(name: str, value: Any) -> bool:
    """Is `value` hidden because of its name? Nothing, an empty value, yes and no give nothing away."""
    return not isinstance(value, bool) and value not in (None, "", [], {}) and is_secret_name(name)


def redact(value: Any, *, depth: int = 0) -> Any:
    """`value` (JSON types) as it may be shown: secret by name or inside a text, at any depth, becomes asterisks."""
    match value:
        case str():
            return mask_secrets(value)
        case dict() | list() if depth >= MAX_DEPTH:
            return TOO_DEEP
        case dict():
            return {
                key: HIDDEN if is_secret(str(key), item) else redact(item, depth=depth + 1)
                for key, item in value.items()
            }
        case list():
            return [redact(item, depth=depth + 1) for item in value]
    return value


def named_arguments(task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call under the names that the function at `task` gives them, so that names can be judged.

    Those that have none there (further ones, or the function is gone) are numbered.
    """
    names = [name for name in _parameters_of(task)[: len(args)] if name not in kwargs]
    numbers = [str(number) for number in range(len(names) + 1, len(args) + 1)]
    return {**dict(zip([*names, *numbers], args, strict=False)), **kwargs}


@lru_cache(maxsize=1024)
def _parameters_of(path: str) -> tuple[str, ...]:
    """The names of what the function takes by position, in order, without the context."""
    try:
        task = task_at(path)
        parameters = inspect.signature(task.func).parameters.values()
    except Exception:  # whatever happens while its module is imported: its arguments stay numbered
        return ()
    by_position = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    names = [parameter.name for parameter in parameters if parameter.kind in by_position]
    return tuple(names[1:] if task.takes_context else names)
