"""docs/openapi.json as a page."""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.site.schemas import cell, described, type_of

METHODS = ("get", "post", "put", "patch", "delete")
OBJECT = "object-"  # before the anchors of objects: an operation may be named like one


def page(document: Mapping[str, Any]) -> str:
    """Every operation by its tag, then every object that they take or give."""
    lines = [
        "# HTTP API",
        "",
        "Made from `docs/openapi.json`. A running server has the same at `/api/docs`, to be tried out there, and as "
        "`/api/openapi.json`.",
        "",
        "Programs send an [API token](permissions.md#tokens), `Authorization: Bearer …`; pages their session cookie, "
        'and to change anything, the CSRF token. Errors are `{"success": false, "error": {"code": …, "message": …}}` '
        "with a status that says the same. A status without words below means the usual:",
        "",
        "| status | meaning |",
        "|---|---|",
    ]
    for answer in document["components"]["responses"].items():
        lines.append(f"| {answer[0].removeprefix('Error')} | {cell(answer[1]['description'])} |")
    lines.append("")
    tags: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                tag = operations[method].get("tags", ["others"])[0]
                tags.setdefault(tag, []).extend(operation(method, path, operations[method]))
    for tag, described_there in tags.items():
        lines += [f"## {tag.capitalize()}", "", *described_there]
    lines += ["## Objects", ""]
    for name, schema in document["components"]["schemas"].items():
        lines += [f"### Object {name}", "", schema.get("description", ""), "", *_linked(described(schema))]
    return "\n".join(lines)


def operation(method: str, path: str, one: Mapping[str, Any]) -> Iterator[str]:
    """One method of one address."""
    yield f"### {one.get('summary', one['operationId'])}"
    yield ""
    yield f"`{method.upper()} {path}`"
    yield ""
    if text := one.get("description"):
        yield from (text, "")
    if parameters := one.get("parameters"):
        yield from ("| parameter | in | type | notes |", "|---|---|---|---|")
        for parameter in parameters:
            schema = parameter["schema"]
            notes = [parameter.get("description") or schema.get("description", "")]
            notes.append("required" if parameter.get("required") else "")
            if schema.get("default") not in (None, ""):
                notes.append(f"default `{schema['default']}`")
            words = cell("; ".join(filter(None, notes)))
            yield f"| `{parameter['name']}` | {parameter['in']} | {type_of(schema, OBJECT)} | {words} |"
        yield ""
    for kind, body in one.get("requestBody", {}).get("content", {}).items():
        yield f"Takes {kind}: {type_of(body['schema'], OBJECT)}"
        yield ""
    answers, usual = [], []
    for status, answer in one["responses"].items():
        if "$ref" in answer:
            usual.append(status)
            continue
        bodies = [type_of(body["schema"], OBJECT) for body in answer.get("content", {}).values() if "schema" in body]
        answers.append(f"**{status}** {' or '.join(bodies) or cell(answer['description'])}")
    yield f"Answers {', '.join(answers)}" + (f"; {', '.join(usual)}" if usual else "")
    yield ""


def _linked(lines: Iterator[str]) -> Iterator[str]:
    return (line.replace("](#", f"](#{OBJECT}") for line in lines)
