"""Reading a page the way a browser would: its elements, its texts, and what a strict CSP would refuse."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

VOID = {"meta", "link", "input", "br", "img", "hr", "path", "circle", "rect"}


@dataclass
class Element:
    """One element with its attributes, its own and its descendants' text, and its children."""

    tag: str
    attrs: dict[str, str]
    parent: "Element | None" = None
    children: "list[Element]" = field(default_factory=list)
    parts: "list[str | Element]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text, white space squeezed."""
        raw = "".join(part if isinstance(part, str) else f" {part.text} " for part in self.parts)
        return " ".join(raw.split())

    def walk(self) -> "Iterator[Element]":
        """Itself and everything in it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def all(self, tag: str = "", **attrs: str) -> "list[Element]":
        """Elements of this tag with these attributes (`class_` for class: contains; `_` stands for `-`)."""
        return [element for element in self.walk() if (not tag or element.tag == tag) and element.has(**attrs)]

    def one(self, tag: str = "", **attrs: str) -> "Element":
        """The only such element."""
        found = self.all(tag, **attrs)
        assert len(found) == 1, f"{len(found)} elements match {tag} {attrs}"
        return found[0]

    def has(self, **attrs: str) -> bool:
        """Does it carry these attributes?"""
        for name, value in attrs.items():
            if name == "class_":
                if value not in self.attrs.get("class", "").split():
                    return False
            elif self.attrs.get(name.replace("_", "-")) != value:
                return False
        return True


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.here = Element("document", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        self.here.parts.append(element)
        if tag not in VOID:
            self.here = element

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        # Strict: what is opened is closed in order. A browser would mend it, and perhaps not as we meant.
        assert self.here.tag == tag, f"</{tag}> closes <{self.here.tag}> in line {self.getpos()[0]}"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.parts.append(data)


def read(html: str | bytes) -> Element:
    """The document."""
    builder = _Builder()
    builder.feed(html.decode() if isinstance(html, bytes) else html)
    assert builder.here is builder.root, f"<{builder.here.tag}> is never closed"
    return builder.root


def page(client: Client, path: str, status: int = 200) -> Element:
    """The page at `path`."""
    response = client.get(path)
    assert response.status_code == status, (path, response.status_code)
    return read(response.content)


def queries_to_render(client: Client, path: str) -> int:
    """How many queries the page costs."""
    client.get(path)  # caches that fill once are not the page's cost
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def complaints(document: Element) -> list[str]:
    """What is wrong with a page whatever it shows: CSP, ids, names, nesting."""
    found: list[str] = []
    ids: set[str] = set()
    for element in document.walk():
        where = f"<{element.tag} {element.attrs}>"
        if "style" in element.attrs or element.tag == "style":
            found.append(f"inline style: {where}")
        if element.tag == "script" and ("src" not in element.attrs or element.text):
            found.append(f"inline script: {where}")
        found += [f"inline handler: {where}" for name in element.attrs if name.startswith(("on", "hx-on"))]
        if (href := element.attrs.get("href", "")) and not href.startswith(("/", "#", "?")):
            found.append(f"leads elsewhere: {where}")
        if (key := element.attrs.get("id")) is not None:
            if key in ids or not key:
                found.append(f"id twice or empty: {where}")
            ids.add(key)
        if element.tag in {"form", "div", "ul", "dl", "section"} and _inside(element, "p"):
            found.append(f"a browser would close the paragraph before {where}")
        if element.tag in {"a", "button"} and not (element.text or element.attrs.get("aria-label")):
            found.append(f"no name: {where}")
        if (
            element.tag == "form"
            and element.attrs.get("method") == "post"
            and not element.all(name="csrfmiddlewaretoken")
        ):
            found.append(f"no CSRF token: {where}")
    for element in document.walk():
        for name in ("for", "aria-labelledby", "aria-controls", "data-dialog"):
            if (target := element.attrs.get(name)) and target not in ids:
                found.append(f"{name} leads nowhere: {element.tag} {target}")
    if document.all("main"):
        headings = document.all("h1")
        found += [] if len(headings) == 1 else [f"{len(headings)} h1"]
    return found


def _inside(element: Element, tag: str) -> bool:
    above: Any = element.parent
    while above is not None:
        if above.tag == tag:
            return True
        above = above.parent
    return False
