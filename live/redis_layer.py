"""The channel layer of several processes: channels_redis' pub/sub, which can also take many messages in one go.

As it comes, each message to each group is a round trip to Redis, one after the other, and packed anew. Where a worker's
threads compute, its event loop waits for the interpreter's lock each time, and news stands in line for seconds
(docs/decisions/redis-layer.md).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer


class RedisLayer(RedisPubSubChannelLayer):
    """Takes what RedisPubSubChannelLayer takes."""

    async def group_send_many(self, messages: Sequence[tuple[Collection[str], Mapping[str, Any]]]) -> None:
        """Send each message to each of the groups named with it, in this order: one round trip to each Redis."""
        layer = self._get_layer()
        by_shard: dict[Any, list[tuple[str, bytes]]] = {}
        for groups, message in messages:
            packed = self.serialize(message)
            for group in groups:
                channel = layer._get_group_channel_name(group)
                by_shard.setdefault(layer._get_shard(channel), []).append((channel, packed))
        for shard, addressed in by_shard.items():
            async with shard._lock:
                shard._ensure_redis()
                pipeline = shard._redis.pipeline(transaction=False)
            for channel, packed in addressed:
                pipeline.publish(channel, packed)
            await pipeline.execute()
