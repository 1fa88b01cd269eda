"""Notifications in Django's admin: look, search, send; who has read a broadcast is shown, not edited."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.functional import lazy
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from live import audit
from live.limits import Kind, limited
from live.numbers import grouped

from . import facade, links
from .compose import compose
from .large_tables import LOOKED_THROUGH, LargeTableAdmin, ReadOnly, newest_saying
from .models import Notification, NotificationDelivery, NotificationPreferences, NotificationReceipt
from .news import publish_count
from .types import known


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


class TypeFilter(admin.SimpleListFilter):
    """The types this site knows. Django's own filter would look through every notification for them."""

    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All that are registered."""
        return [(one.name, str(one.label)) for one in known() if one.name]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notification]) -> QuerySet[Notification]:
        """Those of the chosen type."""
        return queryset.filter(type=self.value()) if self.value() else queryset


def _what_is_searched() -> str:
    said = gettext("A user name, or words of title or message of the newest %(number)s")
    return said % {"number": grouped(LOOKED_THROUGH)}


@admin.register(Notification)
@method_decorator(limited(Kind.SEND), name="add_view")
class NotificationAdmin(LargeTableAdmin):
    """The table of notifications."""

    form = NotificationForm
    list_display = ["id", "title", "type", "addressee", "read", "created_at"]
    list_display_links = ["id", "title"]
    list_filter = [TypeFilter, "read", ("user", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["user"]
    search_fields = ["title", "message"]
    search_help_text = lazy(_what_is_searched, str)()
    ordering = ["-created_at", "-id"]
    date_hierarchy = "created_at"
    raw_id_fields = ["user"]
    readonly_fields = ["created_at"]
    inlines = [ReceiptInline]

    @property
    def autocomplete_fields(self) -> list[str]:  # type: ignore[override]
        """The user, where the admin knows users: a project with a model of its own may not have them there."""
        return ["user"] if self.admin_site.is_registered(get_user_model()) else []

    @admin.display(description=pgettext_lazy("whom a notification is addressed to", "for"), ordering="user")
    def addressee(self, notification: Notification) -> str:
        """User name, or everyone."""
        return notification.username or gettext("everyone")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Notification], search_term: str
    ) -> tuple[QuerySet[Notification], bool]:
        """Those of the user of that name, and the newest that say it."""
        if not search_term:
            return queryset, False
        said = newest_saying(queryset, search_term, ["title", "message"])
        return queryset.filter(Q(user_id=search_term) | said), False

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
            audit.record("notification.sent", made, number=1, title=made.title, user=made.username or "")
            return
        with audit.changing("notification.changed", obj, *form.changed_data):
            super().save_model(request, obj, form, change)
        if obj.user is not None:
            publish_count(obj.user.pk)

    def delete_model(self, request: HttpRequest, obj: Notification) -> None:
        """Withdrawn from everyone."""
        self.delete_queryset(request, Notification.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        """Withdrawn from everyone."""
        with transaction.atomic():
            for notification in queryset:
                audit.record("notification.withdrawn", notification, user=notification.username or "")
            facade.withdraw_notifications(Notification.objects.filter(pk__in=queryset.values("pk")))


@admin.register(NotificationReceipt)
class ReceiptAdmin(ReadOnly, LargeTableAdmin):
    """Who has read or dismissed which broadcast."""

    list_display = ["notification", "user", "read_at", "dismissed_at"]
    list_select_related = ["notification", "user"]
    search_fields = ["=user__username"]
    search_help_text = _("A user name")


@admin.register(NotificationDelivery)
class DeliveryAdmin(ReadOnly, LargeTableAdmin):
    """Letters and webhooks, and what became of them."""

    list_display = ["id", "title", "user", "channel", "state", "attempts", "created_at", "ended_at", "outcome"]
    list_filter = ["channel", "state"]
    list_select_related = ["user"]
    search_fields = ["=user__username"]
    search_help_text = _("A user name")
    raw_id_fields = ["notification", "user"]


@admin.register(NotificationPreferences)
class PreferencesAdmin(ReadOnly, LargeTableAdmin):
    """What people want to be told, and how. They choose it themselves; what signs their webhooks is theirs alone."""

    list_display = ["user", "language", "time_zone", "quiet_from", "quiet_until", "daily_at", "has_webhook"]
    list_select_related = ["user"]
    search_fields = ["=user__username"]
    search_help_text = _("A user name")
    fields = ["user", "chosen", "language", "time_zone", "quiet_from", "quiet_until", "daily_at", "has_webhook"]

    @admin.display(description=_("webhook"), boolean=True)
    def has_webhook(self, preferences: NotificationPreferences) -> bool:
        """Is there an address? It may have a password in it, so it is not shown."""
        return bool(preferences.webhook_url)
