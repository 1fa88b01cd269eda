"""What the documents show: their blocks of code, and their tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.servers import ROOT

_NOT_RUN = re.compile(r"<!-- not run: (?P<why>.*?) -->", re.DOTALL)
_TITLE = re.compile(r'title="(?P<title>[^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block of code as a document has it."""

    path: str  # of the document, from the project's folder
    line: int  # of the document, where the fence opens
    language: str
    title: str  # ```python title="hello.py": the file it is, or the request that it answers
    text: str
    not_run: str  # why nobody runs it, said in a comment before it; "" when somebody does

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def documents() -> list[str]:
    """Every document of the project."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def block(page: str, language: str) -> str:
    """The only block of `language` on docs/`page`."""
    [code] = blocks(f"docs/{page}", language)
    return code


def blocks(path: str, language: str) -> list[str]:
    """The blocks of `language` in the document at `path` of the project, in order; without those that nobody runs."""
    return [one.text for one in all_blocks(path) if one.language == language and not one.not_run]


@cache
def all_blocks(path: str) -> tuple[Block, ...]:
    """Every fenced block of the document at `path` of the project, in order."""
    return tuple(_blocks_of(path, MarkdownIt("commonmark").parse((ROOT / path).read_text())))


def _blocks_of(path: str, tokens: list[Token]) -> Iterator[Block]:
    not_run = ""
    for token in tokens:
        if token.type == "fence":
            language, _, rest = token.info.partition(" ")
            title = _TITLE.search(rest)
            yield Block(
                path=path,
                line=(token.map or [0])[0] + 1,
                language=language,
                title=title["title"] if title else "",
                text=token.content,
                not_run=not_run,
            )
        comment = _NOT_RUN.search(token.content) if token.type == "html_block" else None
        not_run = " ".join(comment["why"].split()) if comment else ""


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
