"""What a run is made of before it exists."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now

from . import correlation
from .models import TaskRun
from .search import words_of
from .text import fit, storable


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """Everything a run is made of before it exists."""

    task: str
    name: str
    args: list[Any]
    kwargs: dict[str, Any]
    owner_id: int | None = None
    topic: str = ""
    queue: str = "default"
    priority: int = 0
    run_after: datetime | None = None
    timeout: timedelta | None = None
    max_attempts: int = 1
    unique_key: str = ""
    concurrency_key: str = ""
    concurrency_limit: int | None = None
    metadata: Mapping[str, Any] | None = None
    retry_of: uuid.UUID | None = None
    checkpoint: Any = None

    def row(self) -> TaskRun:
        """The row as it is to be stored; without a ticket."""
        return TaskRun(
            created_at=Now(),
            task=self.task,
            name=fit(self.name, 255),
            args=storable(self.args),
            kwargs=storable(self.kwargs),
            owner_id=self.owner_id,
            topic=self.topic,
            queue=self.queue,
            priority=self.priority,
            run_after=self.run_after,
            timeout=self.timeout,
            max_attempts=self.max_attempts,
            unique_key=self.unique_key,
            concurrency_key=self.concurrency_key,
            concurrency_limit=self.concurrency_limit,
            metadata=storable(correlation.noted(self.metadata)),
            retry_of_id=self.retry_of,
            checkpoint=self.checkpoint,
            search=words_of(self.name, self.topic, self.task, self.args, self.kwargs),
            seq=1,
        )
