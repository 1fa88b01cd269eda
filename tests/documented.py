"""Code that the documentation shows."""

import re

from tests.servers import ROOT


def block(page: str, language: str) -> str:
    """The only block of `language` on docs/`page`."""
    text = (ROOT / "docs" / page).read_text()
    [code] = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return str(code)
