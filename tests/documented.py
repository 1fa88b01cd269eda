"""Code that the documentation shows."""

import re

from tests.servers import ROOT


def block(page: str, language: str) -> str:
    """The only block of `language` on docs/`page`."""
    [code] = blocks(f"docs/{page}", language)
    return code


def blocks(path: str, language: str) -> list[str]:
    """The blocks of `language` in the document at `path` of the project, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / path).read_text(), re.DOTALL | re.MULTILINE)


def rows(path: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first column is headed `heading`, row by row; without the marks of code."""
    lines = iter((ROOT / path).read_text().splitlines())
    for line in lines:
        if line.startswith(f"| {heading} |"):
            break
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found
