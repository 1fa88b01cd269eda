"""What people enter about schedules, and what they hear when it cannot be used."""

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from . import schedulable, schedules
from .exceptions import BadSchedule
from .models import Schedule
from .schedules import Plan

UNITS = {
    "days": (timedelta(days=1), _("days")),
    "hours": (timedelta(hours=1), _("hours")),
    "minutes": (timedelta(minutes=1), _("minutes")),
    "seconds": (timedelta(seconds=1), _("seconds")),
}
# What a plan calls a field, and what it is called here.
_FIELDS = {"interval": "every"}


class ScheduleForm(forms.Form):
    """Everything about one schedule: what, how, when, for whom."""

    name = forms.CharField(label=_("Name"), max_length=255)
    task = forms.ChoiceField(label=_("What to run"))
    kwargs = forms.JSONField(
        label=_("Arguments"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_('A JSON object, such as {"limit": 10}. Empty for none.'),
    )
    every = forms.IntegerField(
        label=_("Every"),
        required=False,
        min_value=1,
        max_value=100_000,
        help_text=_("Run every so often. Leave empty for a cron line."),
    )
    unit = forms.ChoiceField(
        label=_("Unit"), choices=[(key, word) for key, (_step, word) in UNITS.items()], initial="hours"
    )
    cron = forms.CharField(
        label=_("Cron line"),
        required=False,
        max_length=100,
        help_text=_("Minute, hour, day, month, weekday: “0 6 * * 1-5” is 06:00 from Monday to Friday."),
    )
    zone = forms.ChoiceField(label=_("Time zone"), initial="UTC", help_text=_("In which the cron line is read."))
    owner = forms.CharField(
        label=_("Runs for"), max_length=150, help_text=_("Username. They own the runs, see them and are notified.")
    )
    topic = forms.CharField(
        label=_("Topic"), required=False, max_length=200, help_text=_("What its runs are filed under.")
    )

    def __init__(self, data: Any = None, *, schedule: Schedule | None, user: AbstractBaseUser) -> None:
        self._schedule = schedule
        super().__init__(data, initial=_initial(schedule, user))
        tasks = schedulable.choices()
        if schedule is not None and schedule.task not in dict(tasks):
            tasks.append((schedule.task, gettext("%(task)s (gone)") % {"task": schedule.task}))
        self.fields["task"].choices = tasks  # type: ignore[attr-defined]
        self.fields["zone"].choices = [(zone, zone) for zone in sorted(available_timezones())]  # type: ignore[attr-defined]

    def clean_owner(self) -> int:
        """The primary key of an active user of that name."""
        users = get_user_model()._default_manager
        found = users.filter(username=self.cleaned_data["owner"], is_active=True).values_list("pk", flat=True).first()
        if found is None:
            raise forms.ValidationError(_("There is no active user of this name."))
        return int(found)

    def save(self) -> Schedule | None:
        """The stored schedule; None, with the error at its field, when it cannot be so."""
        values = self.cleaned_data
        every, step = values["every"], UNITS[values["unit"]][0]
        plan = Plan(
            name=values["name"],
            task=values["task"],
            kwargs={} if values["kwargs"] is None else values["kwargs"],
            owner_id=values["owner"],
            topic=values["topic"],
            cron=values["cron"],
            interval=None if every is None else every * step,
            zone=values["zone"],
        )
        try:
            return schedules.create(plan) if self._schedule is None else schedules.change(self._schedule, plan)
        except BadSchedule as bad:
            self.add_error(_FIELDS.get(bad.field, bad.field), str(bad))
            return None


def _initial(schedule: Schedule | None, user: AbstractBaseUser) -> dict[str, Any]:
    if schedule is None:
        return {"owner": user.get_username()}
    initial = {name: getattr(schedule, name) for name in ("name", "task", "kwargs", "cron", "zone", "topic")}
    initial["owner"] = "" if schedule.owner is None else schedule.owner.get_username()
    if schedule.interval is not None:
        for unit, (step, _word) in UNITS.items():
            if schedule.interval % step == timedelta():
                return {**initial, "every": schedule.interval // step, "unit": unit}
    return initial
