"""Addresses of the notifications page, the bell's panel and what their buttons do."""

from django.urls import path

from . import preference_views, views

urlpatterns = [
    path("", views.notification_list, name="notification-list"),
    path("panel/", views.notification_panel, name="notification-panel"),
    path("read-all/", views.notification_read_all, name="notification-read-all"),
    path("clear-read/", views.notification_clear_read, name="notification-clear-read"),
    path("preferences/", preference_views.preferences, name="notification-preferences"),
    path("preferences/secret/", preference_views.webhook_secret, name="notification-webhook-secret"),
    path("deliveries/", preference_views.delivery_list, name="notification-deliveries"),
    path("<int:pk>/open/", views.notification_open, name="notification-open"),
    path("<int:pk>/read/", views.notification_read, name="notification-read"),
    path("<int:pk>/unread/", views.notification_unread, name="notification-unread"),
    path("<int:pk>/delete/", views.notification_delete, name="notification-delete"),
]
