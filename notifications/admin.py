"""Notifications in Django's admin: look, search, send; who has read a broadcast is shown, not edited."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest

from . import links
from .models import Notification, NotificationReceipt
from .news import publish_arrival, publish_count


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

    def save_model(self, request: HttpRequest, obj: Notification, form: Any, change: bool) -> None:
        """Whoever it is for hears of it, as if the facade had made it."""
        super().save_model(request, obj, form, change)
        recipient = None if obj.user is None else obj.user.pk
        if not change:
            publish_arrival(obj, recipient)
        elif recipient is not None:
            publish_count(recipient)
