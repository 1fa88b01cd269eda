"""The form of what a person wants to be told: a choice for each type and channel, and what holds for all."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from .models import NotificationPreferences
from .preferences import effective
from .types import CHOICES, Channel, NotificationType

HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]


class PreferencesForm(forms.Form):
    """Fields named `{type}-{channel}` for the choices, and one for each column."""

    time_zone = forms.ChoiceField(label=_("Time zone"))
    daily_at = forms.TypedChoiceField(
        label=_("Daily letter at"), choices=HOURS, coerce=int, help_text=_("On the clock of your time zone.")
    )
    quiet_from = forms.TimeField(
        label=_("Quiet from"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        label=_("Quiet until"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Letters and webhooks wait until then; the bell shows everything at once."),
    )
    webhook_url = forms.CharField(
        label=_("Webhook address"),
        required=False,
        max_length=1000,
        help_text=_("A program of yours that takes POST requests. Private addresses are not reached."),
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, row: NotificationPreferences, data: Any = None) -> None:
        super().__init__(data, initial={name: getattr(row, name) for name in self.base_fields})
        zones = sorted(available_timezones() - {"localtime"})
        self.fields["time_zone"] = forms.ChoiceField(label=_("Time zone"), choices=[(zone, zone) for zone in zones])
        self._kinds = effective(row)
        for kind, channels in self._kinds:
            for channel in Channel:
                self.fields[_name(kind, channel)] = forms.ChoiceField(
                    label=f"{kind.label}: {channel.label}",
                    choices=[(when.value, when.label) for when in CHOICES[channel]],
                    initial=channels[channel].value,
                    disabled=kind.is_required and channel == Channel.IN_APP,
                )

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One for each type: the type, and its fields channel by channel."""
        return [
            {"kind": kind, "fields": [(channel.label, self[_name(kind, channel)]) for channel in Channel]}
            for kind, _channels in self._kinds
        ]

    @property
    def general(self) -> list[Any]:
        """The fields that hold for all types."""
        return [self[name] for name in self.base_fields]

    @property
    def chosen(self) -> dict[str, dict[str, str]]:
        """Of the choices, those that differ from what holds already: only what somebody chose is kept."""
        return {
            kind.name: changed
            for kind, channels in self._kinds
            if (
                changed := {
                    channel.value: self.cleaned_data[_name(kind, channel)]
                    for channel in Channel
                    if self.cleaned_data[_name(kind, channel)] != channels[channel]
                }
            )
        }


def _name(kind: NotificationType, channel: Channel) -> str:
    return f"{kind.name or 'other'}-{channel.value}"
