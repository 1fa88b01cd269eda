"""All socket routes."""

from notifications.routing import websocket_urlpatterns as notification_sockets
from tasks.routing import websocket_urlpatterns as task_sockets

websocket_urlpatterns = [*task_sockets, *notification_sockets]
