"""The bell's socket: what is new for the signed-in user, and how much of it is unread."""

from channels.db import database_sync_to_async

from live import frames
from live.consumer import LiveConsumer
from live.frames import Frame
from live.groups import Group

from .facade import get_unread_count
from .groups import EVERYONE, user_group


class NotificationsConsumer(LiveConsumer):
    """`/ws/notifications`: `connected`, the unread count, then notifications and counts as they come."""

    async def open(self) -> list[Group]:
        """The user's own group, and everyone's."""
        return [user_group(self.user.pk), EVERYONE]

    async def greet(self) -> list[Frame]:
        """How many are unread now."""
        count = await database_sync_to_async(get_unread_count)(self.user)
        return [frames.direct_message("Connected to your notifications."), frames.unread_count(count)]
