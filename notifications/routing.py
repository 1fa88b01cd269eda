"""Addresses of this room's sockets."""

from typing import Any

from django.urls import path

from .consumers import NotificationsConsumer

websocket_urlpatterns: list[Any] = [path("ws/notifications", NotificationsConsumer.as_asgi())]
