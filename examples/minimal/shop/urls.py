"""Addresses of the shop."""

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path

from . import views

urlpatterns = [
    path("", views.stock, name="stock"),
    path("enter/", LoginView.as_view(template_name="shop/enter.html"), name="enter"),
    path("admin/", admin.site.urls),
]

# Pages of runs and notifications, and their API:
urlpatterns += [path("status/", include("tasks.all_urls"))]
