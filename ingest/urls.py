"""Addresses under /keyword-alerts/."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
