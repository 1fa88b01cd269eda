"""Addresses of the notifications page, the bell's panel and what their buttons do."""

from django.urls import path

from . import preference_views, views

app_name = "notifications"
urlpatterns = [
    path("", views.notification_list, name="list"),
    path("panel/", views.notification_panel, name="panel"),
    path("read-all/", views.notification_read_all, name="read-all"),
    path("clear-read/", views.notification_clear_read, name="clear-read"),
    path("preferences/", preference_views.preferences, name="preferences"),
    path("preferences/secret/", preference_views.webhook_secret, name="webhook-secret"),
    path("deliveries/", preference_views.delivery_list, name="deliveries"),
    path("<int:pk>/open/", views.notification_open, name="open"),
    path("<int:pk>/read/", views.notification_read, name="read"),
    path("<int:pk>/unread/", views.notification_unread, name="unread"),
    path("<int:pk>/delete/", views.notification_delete, name="delete"),
]
