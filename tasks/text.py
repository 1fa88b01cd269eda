"""What functions hand us, made fit to be stored and shown."""

import base64
import binascii
import re
from typing import Any

from django.utils.json import normalize_json

from .secret_names import is_secret_name

MAX_RESULT_BYTES = 1_048_576

# Every pattern is tried at places that cannot overlap, and gives nothing back: a text costs what it is long.
_URL_CREDENTIALS = re.compile(r"(?<=://)(?:[^/\s:@]*+:[^/\s]*(?=@)|[^/\s:@]{20,}+(?=@))")
_BEARER = re.compile(r"(?i)\b(bearer[ \t]++)[^\s'\",;&]++")
_BASIC = re.compile(r"(?i)\b(basic[ \t]++)([a-z0-9+/=_-]++)")
_JSON_WEB_TOKEN = re.compile(r"\beyJ[\w-]{5,}+\.[\w.-]++")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:.*?-----END [A-Z ]{0,30}PRIVATE KEY-----|.*)", re.DOTALL
)
_OPTION = re.compile(r"(?<![\w-])--(?P<name>[\w.-]++)[ \t]++(?![-=:\s])")
# A name as it stands before its value: password=, "password":, headers["Authorization"] =, {\"token\": …
_NAME = re.compile(
    r"(?P<open>['\"]?)(?<![\w.-])(?P<name>[\w.-]++)(?P<close>\\*+['\"])?+\]?+[ \t]*+[=:]{1,2}+>?+[ \t]*+"
)
_QUOTED = re.compile(r"[a-zA-Z]{0,2}(?P<slashes>\\*+)(?P<quote>['\"])")
_QUOTE = re.compile(r"(?<!\\)(?P<slashes>\\*+)(?P<quote>['\"\n])")
_BARE = re.compile(r"[^&\s'\"]++")
_BRACKET = re.compile(r"[\[\](){}]")
_WHOLE_LINE = re.compile(r"(?i)authori[sz]ation|cookie")


def mask_secrets(text: str) -> str:
    """`text` with what gives access replaced by asterisks, as far as it can be told from its form.

    That is: credentials in URLs, values under secret names (parameters, keyword arguments, JSON, headers, options),
    bearer tokens, basic auth, JSON web tokens, private keys. Rather too much than too little.
    """
    text = _URL_CREDENTIALS.sub("***", text)
    text = _PRIVATE_KEY.sub("***", text)
    text = _JSON_WEB_TOKEN.sub("***", text)
    text = _mask_values(_mask_values(text, _NAME), _OPTION)
    return _BASIC.sub(_mask_basic, _BEARER.sub(r"\1***", text))


def _mask_values(text: str, names: re.Pattern[str]) -> str:
    """`text` without the values that follow secret names."""
    parts, done = [], 0
    for found in names.finditer(text):
        if found.start("name") < done or not is_secret_name(found["name"]):
            continue  # inside what is masked already, or nothing to hide
        start, end = _value(text, found)
        if start < end:
            parts += [text[done:start], "***"]
            done = end
    return "".join([*parts, text[done:]])


def _value(text: str, found: re.Match[str]) -> tuple[int, int]:
    """Where the value after a name begins and ends, without its own quotes."""
    at = found.end()
    if quoted := _QUOTED.match(text, at):
        return quoted.end(), _end_of_quoted(text, quoted.end(), quoted["quote"], len(quoted["slashes"]))
    parts = found.groupdict()
    if _WHOLE_LINE.search(found["name"]) and not parts.get("close"):
        # `Cookie: a=b; c=d`, `Authorization: Digest …`: to the end of the line, or of the quotes around all of it
        ends = [text.find(stop, at) for stop in ("\n", parts.get("open")) if stop]
        return at, min((end for end in ends if end >= 0), default=len(text))
    end = _end_of_brackets(text, at) if text[at : at + 1] in {"[", "(", "{"} else at
    bare = _BARE.match(text, end)
    return at, bare.end() if bare else end


def _end_of_quoted(text: str, at: int, quote: str, slashes: int) -> int:
    """Where a quoted value ends: at such a quote which is escaped no more than its first one, or with the line."""
    for found in _QUOTE.finditer(text, at):
        if found["quote"] == "\n" or (found["quote"] == quote and len(found["slashes"]) <= slashes):
            return found.start()
    return len(text)


def _end_of_brackets(text: str, at: int) -> int:
    """What is behind the bracket that opens at `at`; the end of the text if it is never closed."""
    depth = 0
    for found in _BRACKET.finditer(text, at):
        depth += 1 if found[0] in "[({" else -1
        if not depth:
            return found.end()
    return len(text)


def _mask_basic(found: re.Match[str]) -> str:
    """Only what holds a name and a password: basic is also a word."""
    coded = found[2].encode()
    try:
        return f"{found[1]}***" if b":" in base64.b64decode(coded + b"=" * (-len(coded) % 4)) else found[0]
    except binascii.Error:
        return found[0]


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
