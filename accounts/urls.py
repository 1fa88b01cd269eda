"""Addresses under /profile/ of what lets a person and their programs in."""

from django.urls import path

from . import session_views, token_views

urlpatterns = [
    path("sessions/", session_views.session_list, name="session-list"),
    path("sessions/end-others/", session_views.session_end_others, name="session-end-others"),
    path("sessions/<int:session_id>/end/", session_views.session_end, name="session-end"),
    path("tokens/", token_views.token_list, name="token-list"),
    path("tokens/<int:token_id>/revoke/", token_views.token_revoke, name="token-revoke"),
]
