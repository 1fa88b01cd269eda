"""JSON Schema as pages that people read."""

from collections.abc import Iterator, Mapping
from typing import Any

type Schema = Mapping[str, Any]

BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}
TELLING = 10**15  # a larger bound is that of the column, and tells nobody anything


def page_of_frames(document: Schema) -> str:
    """Every frame of the sockets, key by key."""
    frames = document["$defs"]
    lines = [
        "# Frames, key by key",
        "",
        "Made from `docs/frames.schema.json`. What frames mean, when they come and how to follow them is explained in "
        "[the sockets, frame by frame](frames.md).",
        "",
    ]
    for name, schema in frames.items():
        lines += [f"## {name}", "", schema.get("description", ""), "", *described(schema)]
    return "\n".join(lines)


def described(schema: Schema) -> Iterator[str]:
    """The keys of an object as a table; of anything else, what it is."""
    if not schema.get("properties"):
        yield f"{type_of(schema)}."
        yield ""
        return
    required = set(schema.get("required", []))
    yield "| key | type | notes |"
    yield "|---|---|---|"
    for key, value in schema["properties"].items():
        notes = [value.get("description", "")]
        if key not in required and "const" not in value:
            default = value.get("default")
            notes.append("may be missing" if default is None else f"default `{default}`")
        yield f"| `{key}` | {type_of(value)} | {cell('; '.join(filter(None, notes)))} |"
    yield ""


def type_of(schema: Schema, prefix: str = "") -> str:
    """In a few words, what values `schema` allows; other schemas are linked."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[1]
        return f"[{name}](#{prefix}{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(type_of(one, prefix) for one in schema[choice])
    kind = schema.get("type", "anything")
    if kind == "array":
        kind = f"list of {type_of(schema.get('items', {}), prefix)}"
    elif kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        kind = f"object of {type_of(schema['additionalProperties'], prefix)}"
    elif "format" in schema:
        kind = f"{kind} ({schema['format']})"
    bounds = [
        words.format(f"{schema[key]:,}") for key, words in BOUNDS.items() if abs(schema.get(key, TELLING)) < TELLING
    ]
    return ", ".join([str(kind), *bounds])


def cell(text: str) -> str:
    """`text` on one line of a table."""
    return " ".join(text.split()).replace("|", "\\|")
