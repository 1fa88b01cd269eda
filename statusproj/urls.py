"""All addresses of the site."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from .api import api
from .health import healthz, readyz
from .metrics.exposition import metrics

# What a request that is too large is told: see there.
handler400 = "statusproj.views.bad_request"

# Lazy: the name of the hashed file is known only once static files are collected.
lazy_icon = lazy(lambda: static("live/icon.svg"), str)()

urlpatterns = [
    # Browsers ask for it on pages that name no icon of their own, such as the admin's.
    path("favicon.ico", RedirectView.as_view(url=lazy_icon, http_method_names=["get", "head"])),
    # Answered by a middleware, before the host is looked at; here so that they have names.
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("api/", api.urls),
    path("admin/", admin.site.urls),
    path("", include("statusproj.page_urls")),
    path("profile/", include("accounts.urls")),
    path("tasks/", include("tasks.urls")),
    path("notifications/", include("notifications.urls")),
    path("keyword-alerts/", include("ingest.urls")),
]
