"""Is what a document shows what really comes? In shape: ids, times and numbers differ each time."""

import re
from typing import Any

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_VARYING = re.compile(rf"(?P<id>{_UUID})|(?P<number>\d+(?:\.\d+)?)|(?P<left_out>…)|(?P<space>\s+)")
_PATTERNS = {"id": _UUID, "number": r"\d+(?:\.\d+)?", "left_out": r".*?", "space": r"\s+"}


def assert_said(shown: str, said: str) -> None:
    """`said` ends as `shown` has it. `…` stands for anything."""
    pattern, place = "", 0
    for found in _VARYING.finditer(shown.strip()):
        assert found.lastgroup is not None
        pattern += re.escape(shown.strip()[place : found.start()]) + _PATTERNS[found.lastgroup]
        place = found.end()
    pattern += re.escape(shown.strip()[place:])
    assert re.search(rf"(?:\A|\n)\s*{pattern}\s*\Z", said, re.DOTALL), f"shown:\n{shown}\nreally:\n{said}"


def assert_same_shape(shown: Any, real: Any, at: str = "") -> None:
    """The same keys with values of the same types, all the way down. Of a list the first element stands for all;
    where a number is shown there may be none."""
    if isinstance(shown, dict):
        assert isinstance(real, dict) and shown.keys() == real.keys(), f"{at}: shown {shown}, really {real}"
        for key, value in shown.items():
            assert_same_shape(value, real[key], f"{at}.{key}")
    elif isinstance(shown, list):
        assert isinstance(real, list), f"{at}: shown a list, really {real}"
        if shown and real:
            assert_same_shape(shown[0], real[0], f"{at}[0]")
    elif isinstance(shown, int | float) and not isinstance(shown, bool):
        assert real is None or isinstance(real, int | float), f"{at}: shown {shown}, really {real}"
    else:
        assert type(shown) is type(real), f"{at}: shown {shown!r}, really {real!r}"
