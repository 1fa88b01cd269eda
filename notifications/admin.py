"""Notifications in Django's admin: look, search, send; who has read a broadcast is shown, not edited."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import path

from . import facade, links
from .compose import compose
from .models import Notification, NotificationDelivery, NotificationReceipt
from .news import publish_count


class ReceiptInline(admin.TabularInline):
    """Who has read or dismissed this broadcast. Made by readers, so read-only here."""

    model = NotificationReceipt
    fields = ["user", "read_at", "dismissed_at"]
    readonly_fields = ["user", "read_at", "dismissed_at"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Notification | None = None) -> bool:
        """Nobody makes receipts for others."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Notification | None = None) -> bool:
        """Nobody changes receipts of others."""
        return False


class NotificationForm(ModelForm):
    """A notification as staff writes it."""

    class Meta:
        model = Notification
        fields = ["user", "type", "title", "message", "link", "read"]

    def clean_link(self) -> str | None:
        """A path on this site, or nothing."""
        try:
            return links.checked(self.cleaned_data["link"])
        except links.LinkRefused as error:
            raise ValidationError(str(error)) from error


@admin.register(Notification)
class NotificationAdmin(admin.ModelAdmin):
    """The table of notifications."""

    form = NotificationForm
    list_display = ["id", "title", "type", "addressee", "read", "created_at"]
    list_display_links = ["id", "title"]
    list_filter = ["type", "read", ("user", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["user"]
    list_per_page = 50
    search_fields = ["title", "message", "user__username"]
    search_help_text = "Title, message or user name"
    show_full_result_count = False
    date_hierarchy = "created_at"
    autocomplete_fields = ["user"]
    readonly_fields = ["created_at"]
    inlines = [ReceiptInline]

    @admin.display(description="for", ordering="user")
    def addressee(self, notification: Notification) -> str:
        """User name, or everyone."""
        return notification.username or "everyone"

    def get_inlines(self, request: HttpRequest, obj: Notification | None) -> Any:
        """Receipts belong to broadcasts."""
        return self.inlines if obj is not None and obj.is_broadcast else []

    def get_urls(self) -> list[Any]:
        """With the page for writing to many."""
        view = partial(compose, model_admin=self)
        own = path("compose/", self.admin_site.admin_view(view), name="notifications_notification_compose")
        return [own, *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Notification, form: Any, change: bool) -> None:
        """A new one is told as any other is; of a changed one its reader's bell hears."""
        if not change:
            told = {name: getattr(obj, name) for name in ("type", "title", "message", "link")}
            made = facade.create_notification(username=obj.username, **told)
            obj.pk, obj.created_at, obj.read = made.pk, made.created_at, made.read
            obj._state.adding = False
            return
        super().save_model(request, obj, form, change)
        if obj.user is not None:
            publish_count(obj.user.pk)

    def delete_model(self, request: HttpRequest, obj: Notification) -> None:
        """Withdrawn from everyone."""
        facade.withdraw_notifications(Notification.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        """Withdrawn from everyone."""
        facade.withdraw_notifications(Notification.objects.filter(pk__in=queryset.values("pk")))


class ReadOnlyAdmin(admin.ModelAdmin):
    """A table that the program keeps and people look at."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


@admin.register(NotificationReceipt)
class ReceiptAdmin(ReadOnlyAdmin):
    """Who has read or dismissed which broadcast."""

    list_display = ["notification", "user", "read_at", "dismissed_at"]
    list_select_related = ["notification", "user"]
    search_fields = ["user__username", "notification__title"]
    search_help_text = "User name or title"


@admin.register(NotificationDelivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Letters and webhooks, and what became of them."""

    list_display = ["id", "title", "user", "channel", "state", "attempts", "created_at", "ended_at", "outcome"]
    list_filter = ["channel", "state"]
    list_select_related = ["user"]
    search_fields = ["user__username", "title"]
    search_help_text = "User name or title"
    raw_id_fields = ["notification", "user"]
