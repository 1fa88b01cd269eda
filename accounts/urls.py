"""Addresses under /profile/ of what lets a person and their programs in."""

from django.urls import path

from . import token_views

urlpatterns = [
    path("tokens/", token_views.token_list, name="token-list"),
    path("tokens/<int:token_id>/revoke/", token_views.token_revoke, name="token-revoke"),
]
