"""What functions hand us, made fit to be stored and shown."""

import re
from typing import Any

from django.utils.json import normalize_json

_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
_SECRET_PARAMETERS = re.compile(
    r"(?i)\b((?:api[_-]?key|access[_-]?token|token|password|passwd|secret|signature)=)[^&\s'\"]+"
)

MAX_RESULT_BYTES = 1_048_576


def mask_secrets(text: str) -> str:
    """`text` with credentials in URLs and secret-looking parameters replaced by asterisks."""
    return _SECRET_PARAMETERS.sub(r"\1***", _URL_CREDENTIALS.sub("***", text))


def fit(text: object, limit: int) -> str:
    """`text` without NUL bytes, which Postgres refuses, and at most `limit` characters long."""
    clean = str(text).replace("\x00", "")
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def storable(value: Any) -> Any:
    """`value` as plain JSON types without NUL bytes. Raises TypeError or ValueError for what JSON cannot say."""
    return _without_nul(normalize_json(value))


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\x00", "")
        case list():
            return [_without_nul(item) for item in value]
        case dict():
            return {_without_nul(key): _without_nul(item) for key, item in value.items()}
        case float() if value != value or value in (float("inf"), float("-inf")):
            raise ValueError("JSON knows neither NaN nor infinity.")
    return value
