"""What people may say of themselves."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import tokens


class ProfileForm(forms.ModelForm):
    """Name, address, and the zone of their clock."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        help_text=_("Every time on these pages is shown in it; quiet hours and daily letters go by it too."),
    )

    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=lambda: [("", _("As the browser asks")), *settings.LANGUAGES],
        help_text=_("Of these pages, of letters, and of what your runs write down from now on."),
    )

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email"]
        help_texts = {"email": _("Where letters go. Besides you, only administrators see it.")}
        widgets = {
            "first_name": forms.TextInput(attrs={"autocomplete": "given-name"}),
            "last_name": forms.TextInput(attrs={"autocomplete": "family-name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = sorted(available_timezones() - {"localtime"})
        self.fields["time_zone"].choices = [(zone, zone) for zone in zones]  # type: ignore[attr-defined]


class PasswordForm(PasswordChangeForm):
    """Django's, with its demands in one sentence instead of a list; and, for who has API tokens, whether they end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = _("Password until now")
        # Whoever comes here by keys, or hears the page, starts where it starts.
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["new_password1"].help_text = _(
            "At least 8 characters, not digits alone, not your name, and nothing that many others use."
        )
        self.fields["new_password2"].label = _("New password once more")
        self.fields["new_password2"].help_text = ""
        number = tokens.tokens_of(self.user)[0].count()
        if number:
            label = ngettext("Revoke my API token as well", "Revoke my %(count)s API tokens as well", number) % {
                "count": number
            }
            self.fields["revoke_tokens"] = forms.BooleanField(
                label=label,
                required=False,
                help_text=_("If somebody else may know the password, they may have made one."),
            )
