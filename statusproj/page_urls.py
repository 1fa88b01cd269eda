"""Addresses of the pages that belong to no room: the dashboard, and a person's own account."""

from django.urls import path

from . import account_views, views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("sign-in/", account_views.sign_in, name="sign-in"),
    path("sign-out/", account_views.sign_out, name="sign-out"),
    path("profile/", account_views.profile, name="profile"),
    path("profile/password/", account_views.change_password, name="change-password"),
]
