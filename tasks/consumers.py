"""The sockets on which runs are watched: one run, or all of a topic. Access is asked of access.py, at the door."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.http import Http404

from live import frames
from live.consumer import LiveConsumer, Refused
from live.groups import Group

from .access import get_visible_run, sees_everything
from .api import task_object
from .db import in_thread
from .groups import EVERY_RUN, QUEUES, owner_group, run_group, staff_topic_group, topic_group
from .live_sources import snapshot_runs
from .models import TaskRun
from .replay import InvalidSince, frames_since, parse_since
from .updates import FRAME_COLUMNS, frames_of

MOST_SUBSCRIBED = 100  # runs one socket watches beside its topic

_BAD_SINCE = ("invalid_since", "since must be the seq of a frame: a whole number, 0 or more.")


class BulkProcessConsumer(LiveConsumer):
    """`/ws/bulk-process/{job_id}`: one run, for those who may see it; with `?since=n` what came after n."""

    async def open(self) -> list[Group]:
        """Its groups. Who may not see the run hears so in `greet`, before anything of it is told."""
        try:
            self.job_id = str(UUID(self.scope["url_route"]["kwargs"]["job_id"]))
        except ValueError:
            raise Refused(4404, "There is no such run.") from None
        self.handlers = {"get_status": self.get_status, "resume": self.resume}
        self._since = self.query.get("since")
        return [run_group(self.job_id), QUEUES]

    async def greet(self) -> list[frames.Frame]:
        """`connected`, then where the run stands or, asked at the door, what came since then.

        Refuses with 4404 alike when the run is missing and when it is somebody else's: access and snapshot are one
        visit to the database.
        """
        # Asked once: who is told to forget later on needs the snapshot.
        since, self._since = self._since, None
        try:
            run, present = await in_thread(_with_frames, self.user, self.job_id)
        except Http404:
            raise Refused(4404, "There is no such run.") from None
        connected = frames.direct_message(f"Connected to {run.name}.", job_id=self.job_id)
        if since is None:
            return [connected, *present]
        try:
            return [connected, *await self._missed(since)]
        except InvalidSince:
            return [connected, frames.error(*_BAD_SINCE), *present]

    async def get_status(self, message: dict[str, Any]) -> None:
        """Answer with the run as the API shows it."""
        try:
            await self.send_frame(await in_thread(_status_frame, self.user, self.job_id))
        except Http404:
            raise Refused(4404, "There is no such run any more.") from None

    async def resume(self, message: dict[str, Any]) -> None:
        """Tell again everything after `since`, before anything newer."""
        async with self.quiet():
            try:
                missed = await self._missed(message.get("since"))
            except InvalidSince:
                missed = [frames.error(*_BAD_SINCE)]
            except TaskRun.DoesNotExist:
                raise Refused(4404, "There is no such run any more.") from None
            for frame in missed:
                await self.send_frame(frame)

    async def _missed(self, since: object) -> list[frames.Frame]:
        seq = parse_since(since)
        missed = await in_thread(frames_since, self.job_id, seq)
        if not missed:
            # Up to date: the next re-read need not say so.
            self.knows(self.job_id, seq)
        return missed


class TopicProgressConsumer(LiveConsumer):
    """`/ws/progress/{topic_id}`: every run of a topic that the user may see; `mine` and, for staff, `all`."""

    async def open(self) -> list[Group]:
        """Refuses `all` with 4403 to anybody but staff."""
        topic = self.scope["url_route"]["kwargs"]["topic_id"]
        everything = await in_thread(sees_everything, self.user)
        self._subscribed: set[UUID] = set()
        self.handlers = {
            "get_status": self.get_status,
            "subscribe_job": self.subscribe_job,
            "unsubscribe_job": self.unsubscribe_job,
        }
        if topic == "all" and not everything:
            raise Refused(4403, "Only staff may watch every run.")
        if topic == "all":
            self.group = EVERY_RUN
        elif topic == "mine":
            self.group = owner_group(self.user.pk)
        else:
            self.group = staff_topic_group(topic) if everything else topic_group(self.user.pk, topic)
        return [self.group, QUEUES]

    async def greet(self) -> list[frames.Frame]:
        """`connected`, then where each run stands that lives, ended a moment ago, or was subscribed to."""
        return [frames.direct_message("Connected."), *await self._snapshot()]

    async def get_status(self, message: dict[str, Any]) -> None:
        """Answer for `job_id` if the message names one, else with a fresh snapshot of the topic."""
        if "job_id" in message:
            try:
                await self.send_frame(await in_thread(_status_frame, self.user, str(message["job_id"])))
            except Http404:
                await self.send_frame(frames.error("not_found", "There is no such run."))
            return
        async with self.quiet():
            for frame in await self._snapshot():
                await self.send_frame(frame)

    async def subscribe_job(self, message: dict[str, Any]) -> None:
        """Watch one more run, if the user may see it."""
        try:
            run = await in_thread(get_visible_run, self.user, str(message.get("job_id", "")))
        except Http404:
            await self.send_frame(frames.error("not_found", "There is no such run."))
            return
        if len(self._subscribed | {run.pk}) > MOST_SUBSCRIBED:
            await self.send_frame(frames.error("too_many", "This socket watches as many single runs as one may."))
            return
        self._subscribed.add(run.pk)
        async with self.quiet():  # what is newer than the frame of now comes after it
            await self.watch(run_group(run.pk))
            await self.send_frame(frames.subscribed(run.pk))
            for frame in await in_thread(_fresh_frames, run.pk):
                await self.send_frame(frame)

    async def unsubscribe_job(self, message: dict[str, Any]) -> None:
        """Stop watching a run that was subscribed to."""
        job_id = str(message.get("job_id", ""))
        await self.unwatch(run_group(job_id))
        self._subscribed = {pk for pk in self._subscribed if str(pk) != job_id}
        await self.send_frame(frames.unsubscribed(job_id))

    async def _snapshot(self) -> list[frames.Frame]:
        return await in_thread(_snapshot, self.group, frozenset(self._subscribed))


def _with_frames(user: Any, job_id: str) -> tuple[TaskRun, list[frames.Frame]]:
    """Run and present frame by one visit and, unless it waits in line, one query: they are most of what a socket costs.

    Raises Http404 as get_visible_run does.
    """
    run = TaskRun.objects.visible_to(user).only(*FRAME_COLUMNS).filter(pk=job_id).first()
    if run is None:
        raise Http404("No such run.")
    return run, frames_of([run])


def _status_frame(user: Any, job_id: str) -> frames.Frame:
    return frames.status_request(task_object(get_visible_run(user, job_id), user), job_id=job_id)


def _snapshot(group: Group, subscribed: Collection[UUID]) -> list[frames.Frame]:
    return frames_of(snapshot_runs(group, subscribed))


def _fresh_frames(run_id: UUID) -> list[frames.Frame]:
    return frames_of(list(TaskRun.objects.filter(pk=run_id)))
