"""Who hears of a run: the groups its frames go to."""

from uuid import UUID

from live.groups import Group

from .models import TaskRun

EVERY_RUN = Group(kind="runs", key="all")
QUEUES = Group(kind="queues", key="all")  # whoever watches runs hears which queue is paused


def run_group(run_id: UUID | str) -> Group:
    """Sockets that watch this one run."""
    return Group(kind="run", key=str(run_id))


def owner_group(owner_id: int) -> Group:
    """Sockets that watch everything this person owns."""
    return Group(kind="owner", key=str(owner_id))


def topic_group(owner_id: int, topic: str) -> Group:
    """Sockets of one person that watch one topic. The owner is part of the key: nothing is filtered afterwards."""
    return Group(kind="topic", key=f"{owner_id}:{topic}")


def staff_topic_group(topic: str) -> Group:
    """Sockets of staff that watch one topic, whoever owns its runs."""
    return Group(kind="staff_topic", key=topic)


def groups_of(run: TaskRun) -> list[Group]:
    """Every group that hears of `run`."""
    groups = [run_group(run.pk), EVERY_RUN]
    if run.owner_id is not None:
        groups.append(owner_group(run.owner_id))
    if run.topic:
        groups.append(staff_topic_group(run.topic))
        if run.owner_id is not None:
            groups.append(topic_group(run.owner_id, run.topic))
    return groups
