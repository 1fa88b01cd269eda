"""The API's description, completed by what every operation may answer besides what it is for: our errors."""

from collections.abc import Iterator
from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

ERROR: dict[str, Any] = {
    "title": "Error",
    "description": "Every answer of 400 and above. `code` is for programs and stays, `message` is for people.",
    "type": "object",
    "required": ["success", "error"],
    "properties": {
        "success": {"const": False},
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "details": {"description": "Of 422 a list of `field` and `message`; of others mostly null."},
            },
        },
    },
}
MEANINGS = {
    400: "The request could not be understood.",
    401: "Sign in first.",
    403: "You may not do this, or the CSRF token is missing.",
    404: "There is nothing here, or it is not yours.",
    409: "It cannot be done as things stand.",
    413: "The request is too large.",
    422: "A value cannot be used; `details` says which and why.",
    429: "Too many; `Retry-After` says when to come back.",
    503: "The database does not answer; `Retry-After` says when to come back.",
}
WAIT: dict[str, Any] = {
    "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}
}
WRITES = {"post", "put", "patch", "delete"}


class DescribedAPI(NinjaAPI):
    """Ninja's API; its description names every status that may come."""

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> OpenAPISchema:
        """OpenAPI 3.1, with the errors of each operation."""
        schema = super().get_openapi_schema(*args, **kwargs)
        components = schema["components"]
        components.setdefault("schemas", {})["Error"] = ERROR
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
        components["responses"] = {
            f"Error{status}": {"description": meaning, "content": content, **(WAIT if status in {429, 503} else {})}
            for status, meaning in MEANINGS.items()
        }
        for operations in schema["paths"].values():
            for method, operation in operations.items():
                for status in _errors_of(method, operation):
                    operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Error{status}"})
        return schema


def _errors_of(method: str, operation: dict[str, Any]) -> Iterator[int]:
    yield 503
    if operation.get("security"):
        yield from (401, 403, 404, 429)
    if operation.get("parameters") or "requestBody" in operation:
        yield from (400, 422)
    if "requestBody" in operation:
        yield 413
    if method in WRITES:
        yield 409
