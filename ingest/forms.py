"""What people may enter about topics, keywords and sources, and what they hear when it cannot be used."""

from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from live import audit

from .models import AlertRule, CollectPreferences, Topic
from .reading.relevance import Rules
from .rules import RULE_COLUMNS, BadKeyword, Keywords, keywords_of, read_lines, save_keywords, write_line
from .telling.alert_rules import MAX_PHRASE, BadAlertRule, add_rule
from .topic_settings import RHYTHMS, BadSetting, change_settings, checked_name, every_words


class TopicForm(forms.ModelForm):
    """A topic's name, thresholds, schedule, and what its owner is told; when it is new, its first keywords, too."""

    first_keywords = forms.CharField(
        label=_("Keywords"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One word or phrase per line. A line that begins with a minus keeps articles out."),
    )

    collect_every = forms.TypedChoiceField(
        label=_("Collect"),
        required=False,
        coerce=int,
        empty_value=None,
        help_text=_("How often its sources are read. A source can have a rhythm of its own."),
    )

    class Meta:
        model = Topic
        fields = ["name", "language", "relevance_threshold", "quality_threshold", "collect_every", "tell"]
        labels = {"tell": _("Tell me of")}
        help_texts = {
            "relevance_threshold": _("From 0 to 1. Articles that score lower are kept below threshold."),
            "quality_threshold": _("From 0 to 1. Teasers, link lists and paywalls score low."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("relevance_threshold", "quality_threshold"):
            self.fields[name].widget.attrs.update({"min": "0", "max": "1", "step": "0.05"})
        rhythms = sorted({*RHYTHMS, *filter(None, [self.instance.collect_every])})
        choices = [("", every_words(None)), *((str(minutes), every_words(minutes)) for minutes in rhythms)]
        self.fields["collect_every"].choices = choices  # type: ignore[attr-defined]
        self.fields["tell"].required = False
        self.fields["tell"].widget.choices = Topic.Tell.choices
        if self.instance.pk is not None:
            del self.fields["first_keywords"]

    def clean_name(self) -> str:
        """A name that the owner does not use yet."""
        try:
            return checked_name(self.instance, str(self.cleaned_data["name"]))
        except BadSetting as error:
            raise forms.ValidationError(str(error)) from None

    def clean_tell(self) -> str:
        """What was chosen; what it was, if nothing was."""
        return str(self.cleaned_data["tell"] or self.instance.tell)

    def clean_language(self) -> str:
        """Two letters, or nothing."""
        return checked_language(self.cleaned_data["language"])

    def clean_first_keywords(self) -> Keywords:
        """The keywords in the lines."""
        try:
            return read_lines(str(self.cleaned_data["first_keywords"]).splitlines())
        except BadKeyword as error:
            raise forms.ValidationError(str(error)) from None

    def save(self, commit: bool = True) -> Topic:
        """Store the topic, and with a new one its keywords."""
        if self.instance.pk is not None:
            chosen = self.cleaned_data | {"collect_every": self.cleaned_data["collect_every"] or 0}
            change_settings(self.instance, **chosen)
            return self.instance
        with transaction.atomic():
            topic = super().save(commit)
            audit.record("topic.created", topic)
            save_keywords(topic, self.cleaned_data["first_keywords"])
        return topic


class RulesForm(forms.Form):
    """What a topic asks of its articles: keywords line by line, thresholds and language."""

    include = forms.CharField(
        label=_("Look for"),
        required=False,
        max_length=60_000,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_(
            "One word or phrase per line. Other forms of a word are found, too; in quotes it is looked for as it is. "
            "Begin a line with title:, text:, author: or site: to look there alone."
        ),
    )
    exclude = forms.CharField(
        label=_("Keep out"),
        required=False,
        max_length=60_000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_("An article with one of these in title or lead, or where the line says, is never added."),
    )
    relevance_threshold = forms.FloatField(label=_("Relevance threshold"), min_value=0, max_value=1)
    quality_threshold = forms.FloatField(label=_("Quality threshold"), min_value=0, max_value=1)
    language = forms.CharField(
        label=_("Language"), required=False, max_length=10, help_text=_("Two letters, such as en. Empty: every one.")
    )

    def __init__(self, data: Any = None, *, topic: Topic) -> None:
        keywords = keywords_of(topic)
        initial = {
            "include": "\n".join(map(write_line, keywords.include)),
            "exclude": "\n".join(map(write_line, keywords.exclude)),
            "relevance_threshold": topic.relevance_threshold,
            "quality_threshold": topic.quality_threshold,
            "language": topic.language,
        }
        super().__init__(data, initial=initial)
        self.topic = topic
        for name in ("relevance_threshold", "quality_threshold"):
            self.fields[name].widget.attrs["step"] = "0.05"

    def clean_language(self) -> str:
        """Two letters, or nothing."""
        return checked_language(self.cleaned_data["language"])

    def clean(self) -> dict[str, Any]:
        """The keywords of both lists, read together."""
        super().clean()
        sides = [str(self.cleaned_data.get(name, "")).splitlines() for name in ("include", "exclude")]
        try:
            self.cleaned_data["keywords"] = read_lines(*sides)
        except BadKeyword as error:
            self.add_error(None, str(error))
        return self.cleaned_data

    def rules(self) -> Rules:
        """The rules as they were typed."""
        return Rules(
            include=self.cleaned_data["keywords"].include,
            exclude=self.cleaned_data["keywords"].exclude,
            **{name: self.cleaned_data[name] for name in RULE_COLUMNS},
        )

    def save(self) -> None:
        """Let these be the topic's rules from now on."""
        with audit.changing("topic.changed", self.topic, *RULE_COLUMNS):
            save_keywords(self.topic, self.cleaned_data["keywords"])
            Topic.objects.filter(pk=self.topic.pk).update(**{name: self.cleaned_data[name] for name in RULE_COLUMNS})


class AlertRuleForm(forms.Form):
    """One more alert rule."""

    minimum_relevance = forms.FloatField(
        label=_("Relevance from"),
        min_value=0,
        max_value=1,
        initial=0.8,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )
    phrase = forms.CharField(
        label=_("And says"), required=False, max_length=MAX_PHRASE, help_text=_("A word or phrase. Empty: whatever.")
    )

    def __init__(self, data: Any = None, *, topic: Topic) -> None:
        super().__init__(data)
        self.topic = topic

    def save(self) -> AlertRule | None:
        """Make the rule; None when the topic cannot have it, and the form then says why."""
        try:
            return add_rule(self.topic, **self.cleaned_data)
        except BadAlertRule as error:
            self.add_error("phrase", str(error))
            return None


class PreferencesForm(forms.Form):
    """What a person wants of collecting as a whole."""

    auto_processing = forms.BooleanField(required=False, help_text=_("Collect by the schedules."))
    digest = forms.BooleanField(required=False, help_text=_("One summary a day."))
    digest_hour = forms.TypedChoiceField(
        label=_("Digest from"), coerce=int, choices=[(hour, f"{hour:02}:00") for hour in range(24)]
    )

    def __init__(self, data: Any = None, *, preferences: CollectPreferences) -> None:
        initial = {name: getattr(preferences, name) for name in ("auto_processing", "digest", "digest_hour")}
        super().__init__(data, initial=initial)


def checked_language(typed: str) -> str:
    """Two letters, or nothing for every language. Raises ValidationError."""
    language = str(typed).strip().lower()
    if language and not (len(language) == 2 and language.isascii() and language.isalpha()):
        raise forms.ValidationError(_("A language has two letters, such as “en”. Leave it empty for all."))
    return language
