"""A reporter that remembers what it was told."""

from collections.abc import Sequence
from typing import Any


class Recorder:
    """Stands where `context.progress` stands in a task."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []
        self.batches: list[dict[str, Any]] = []

    def update(self, **changes: Any) -> None:
        self.updates.append({key: value for key, value in changes.items() if value is not None})

    def batch(self, *, completed: int, total: int, results: Sequence[dict[str, Any]]) -> None:
        self.batches.append({"completed": completed, "total": total, "results": list(results)})

    def values(self, key: str) -> list[Any]:
        return [update[key] for update in self.updates if key in update]
