"""What a project of one's own includes, under any prefix: pages of runs and of notifications, and their JSON API.

    path("status/", include("tasks.all_urls")),

The names are `tasks:…`, `notifications:…` and `live_api:…`. Who wants each under another prefix includes `tasks.urls`,
`notifications.urls` and `tasks.all_api.make_api().urls` one by one.
"""

from django.urls import include, path

from .all_api import make_api

urlpatterns = [
    path("runs/", include("tasks.urls")),
    path("notifications/", include("notifications.urls")),
    path("api/", make_api().urls),
]
