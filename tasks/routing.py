"""Socket routes of this room, and of all that a project has with it."""

from typing import Any

from django.urls import path

from notifications.routing import websocket_urlpatterns as notification_sockets

from .consumers import BulkProcessConsumer, TopicProgressConsumer

websocket_urlpatterns: list[Any] = [
    path("ws/bulk-process/<str:job_id>", BulkProcessConsumer.as_asgi()),
    path("ws/progress/<str:topic_id>", TopicProgressConsumer.as_asgi()),
]
all_sockets = [*websocket_urlpatterns, *notification_sockets]
