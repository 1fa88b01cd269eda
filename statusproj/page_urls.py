"""Addresses of the pages that belong to no room: the dashboard, and a person's own account, the style guide."""

from django.urls import path

from accounts.audit.views import entry_list

from . import account_views, styleguide, views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("sign-in/", account_views.sign_in, name="sign-in"),
    path("sign-out/", account_views.sign_out, name="sign-out"),
    path("profile/", account_views.profile, name="profile"),
    path("audit/", entry_list, name="audit-list"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("profile/password/", account_views.change_password, name="change-password"),
]
