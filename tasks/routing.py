"""Socket routes of the room `tasks`."""

from django.urls import path

from .consumers import BulkProcessConsumer, TopicProgressConsumer

websocket_urlpatterns = [
    path("ws/bulk-process/<str:job_id>", BulkProcessConsumer.as_asgi()),
    path("ws/progress/<str:topic_id>", TopicProgressConsumer.as_asgi()),
]
