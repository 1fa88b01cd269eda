"""What is asked of who makes a token."""

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .scopes import Scope

DAYS = {30: _("30 days"), 90: _("90 days"), 365: _("A year"), 0: _("Never")}


class TokenForm(forms.Form):
    """Its name, what it may be used for, and for how long."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("What uses it, so that you know later which one to revoke."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[Scope.READ.value]
    )
    days = forms.TypedChoiceField(label=_("Expires after"), choices=list(DAYS.items()), coerce=int, initial=90)

    @property
    def expires_at(self) -> datetime | None:
        """When it ends by itself; None: never. Of a valid form."""
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=days) if days else None
