"""What mkdocs asks of us: pages that are made from the code, and documents that stand outside docs/.

Pages made here are in no commit, so none can be out of date.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pygments.formatters.html import HtmlFormatter

from tools.site import commands, http_api, schemas

ROOT = Path(__file__).resolve().parent.parent.parent
OUTSIDE = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")  # they stand where people of a repository look for them
LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\((?!\w+:|#|/)(?P<target>[^)#\s]+)(?P<anchor>#[^)]*)?\)")
LIGHT, DARK = "xcode", "github-dark"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made."""
    made: dict[str, Callable[[], str]] = {
        "http-api.md": lambda: http_api.page(json.loads((ROOT / "docs/openapi.json").read_text())),
        "frames-by-key.md": lambda: schemas.page_of_frames(json.loads((ROOT / "docs/frames.schema.json").read_text())),
        "commands.md": commands.page,
        "decisions/index.md": decisions,
        "assets/code.css": colours,
    }
    for path in OUTSIDE:
        made[path] = (ROOT / path).read_text
    for path, write in made.items():
        files.append(File.generated(config, path, content=write()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as they lead from one page of the site to another; to what is in the repository alone, none."""
    path = page.file.src_uri
    here = ROOT if path in OUTSIDE else (ROOT / "docs" / path).parent
    return LINK.sub(lambda link: _led(link, here, page.file), markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Code that is wider than its place is scrolled by keys as well."""
    return html.replace("<pre>", '<pre tabindex="0">')


def _led(link: re.Match[str], here: Path, file: File) -> str:
    text, target, anchor = link.group("text", "target", "anchor")
    there = Path(os.path.normpath(here / target))
    if there.is_relative_to(ROOT / "docs"):
        place = str(there.relative_to(ROOT / "docs"))
    elif (place := there.name) not in OUTSIDE or there.parent != ROOT:
        return text if there.exists() else link[0]  # what is not there is for the strict build to tell
    # From "decisions/x.md" the way begins one folder down.
    return f"[{text}]({os.path.relpath(place, Path(file.src_uri).parent)}{anchor or ''})"


def decisions() -> str:
    """A list of all decisions, by name, each with what it says in its heading."""
    lines = [
        "# Decisions",
        "",
        "Why it is built this way: half a page each, with the context, the choice and its price.",
        "",
    ]
    for path in sorted((ROOT / "docs/decisions").glob("*.md")):
        heading = path.read_text().split("\n", 1)[0].removeprefix("# ")
        lines.append(f"- [{heading}]({path.name})")
    return "\n".join([*lines, ""])


def colours() -> str:
    """The colours of code, light and dark."""
    light = HtmlFormatter(style=LIGHT).get_style_defs(".highlight")
    dark = HtmlFormatter(style=DARK).get_style_defs("[data-bs-theme=dark] .highlight")
    return f"{light}\n{dark}\n"
