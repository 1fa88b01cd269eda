"""Writing to many people from the admin: who, what, until when; looked at before it is sent."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from live import audit
from live.limits import Kind, limited
from live.numbers import grouped

from . import facade, links
from .models import Notification, NotificationDetails, Severity
from .presenters import present

if TYPE_CHECKING:
    from django.db.models import QuerySet

EVERYONE, ONE_GROUP, SOME_USERS = "everyone", "group", "users"
MOST_NAMES = 1000
# Hours; longer ago than a month nobody cares.
LIFETIMES = [
    ("", _("Never")),
    ("1", _("In an hour")),
    ("24", _("In a day")),
    ("168", _("In a week")),
    ("720", _("In 30 days")),
]


class ComposeForm(forms.Form):
    """What to say, and to whom."""

    audience = forms.ChoiceField(
        label=_("To"),
        choices=[(EVERYONE, _("Everyone with an account")), (ONE_GROUP, _("A group")), (SOME_USERS, _("Some users"))],
        widget=forms.RadioSelect,
        initial=EVERYONE,
    )
    group = forms.ModelChoiceField(
        label=_("Group"),
        queryset=Group.objects.order_by("name"),
        required=False,
        empty_label="---------",  # Django has no word for it in other languages
    )
    users = forms.CharField(
        label=_("User names"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One per line."),
    )
    severity = forms.ChoiceField(label=_("Severity"), choices=Severity.choices, initial=Severity.INFO)
    title = forms.CharField(label=_("Title"), max_length=facade.TITLE_MAX_LENGTH)
    message = forms.CharField(
        label=_("Message"), max_length=facade.MESSAGE_MAX_LENGTH, widget=forms.Textarea(attrs={"rows": 5})
    )
    link = forms.CharField(
        label=_("Link"),
        max_length=links.LINK_MAX_LENGTH,
        required=False,
        help_text=_("A path on this site, such as /tasks/."),
    )
    lifetime = forms.ChoiceField(label=_("Goes away"), choices=LIFETIMES, required=False)

    def clean_link(self) -> str | None:
        """A path on this site, or nothing."""
        try:
            return links.checked(self.cleaned_data["link"])
        except links.LinkRefused as error:
            raise forms.ValidationError(str(error)) from error

    def clean_users(self) -> list[str]:
        """Names that exist, each once."""
        names = list(dict.fromkeys(str(self.cleaned_data["users"]).split()))
        if len(names) > MOST_NAMES:
            raise forms.ValidationError(_("That are too many names: make a group of them."))
        known = set(get_user_model()._default_manager.filter(username__in=names).values_list("username", flat=True))
        if unknown := [name for name in names if name not in known]:
            raise forms.ValidationError(_("There is nobody called %(names)s.") % {"names": ", ".join(unknown[:10])})
        return names

    def clean(self) -> dict[str, Any]:
        """A group or names where they are meant."""
        cleaned = super().clean() or {}
        audience = cleaned.get("audience")
        if audience == ONE_GROUP and not cleaned.get("group") and "group" not in self.errors:
            self.add_error("group", _("Which group?"))
        if audience == SOME_USERS and not cleaned.get("users") and "users" not in self.errors:
            self.add_error("users", _("Who?"))
        return cleaned

    @property
    def expires_at(self) -> datetime | None:
        """When it goes away by itself."""
        hours = self.cleaned_data["lifetime"]
        return timezone.now() + timedelta(hours=int(hours)) if hours else None

    @property
    def recipients(self) -> "QuerySet[User]":
        """Who will be told."""
        users = get_user_model()._default_manager.filter(is_active=True)
        match self.cleaned_data["audience"]:
            case "group":
                return users.filter(groups=self.cleaned_data["group"])
            case "users":
                return users.filter(username__in=self.cleaned_data["users"])
        return users

    def send(self) -> int:
        """Tell them; says how many. Everyone shares one notification, others get one each."""
        told = {name: self.cleaned_data[name] for name in ("title", "message", "link", "severity")}
        told |= {"type": "announcement", "expires_at": self.expires_at}
        count, audience = self.recipients.count(), self.cleaned_data["audience"]
        with transaction.atomic():
            if audience == EVERYONE:
                made = [facade.create_notification(username=None, **told)]
            else:
                made = facade.create_notifications(usernames=self.recipients.values_list("username", flat=True), **told)
            group = str(self.cleaned_data["group"] or "") if audience == ONE_GROUP else ""
            sent = {"number": len(made), "title": told["title"], "audience": audience, "group": group}
            audit.record("notification.sent", made[0] if made else "", **sent)
        return count


@limited(Kind.SEND, when=lambda request, **of: "send" in request.POST)
def compose(request: HttpRequest, model_admin: ModelAdmin) -> HttpResponse:
    """Fill in, look at it, send it. Three answers to one address; only the button *Send* sends."""
    if not request.user.has_perm("notifications.send"):
        raise PermissionDenied
    form = ComposeForm(request.POST or None)
    preview = None
    if request.method == "POST" and form.is_valid():
        if "send" in request.POST:
            count = form.send()
            messages.success(request, _sent_to(count))
            return redirect("admin:notifications_notification_changelist")
        if "edit" not in request.POST:
            preview = _preview(form)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "title": gettext("Write to many"),
        "form": form,
        "preview": preview,
        "severity": Severity(form.cleaned_data["severity"]).label if preview is not None else "",
        "count": form.recipients.count() if preview is not None else 0,
        "expires_at": form.expires_at if preview is not None else None,
    }
    return TemplateResponse(request, "admin/notifications/compose.html", context)


def _sent_to(count: int) -> str:
    return ngettext("Sent to one person.", "Sent to %(count)s people.", count) % {"count": grouped(count)}


def _preview(form: ComposeForm) -> Any:
    """The notification as its readers will see it; not stored."""
    draft = Notification(
        pk=0, type="announcement", **{name: form.cleaned_data[name] for name in ("title", "message", "link")}
    )
    draft.more = NotificationDetails(notification=draft, severity=form.cleaned_data["severity"])
    return present(draft)
