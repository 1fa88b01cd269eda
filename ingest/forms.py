"""What people may enter about topics, keywords and sources, and what they hear when it cannot be used."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .canonical import canonical_url
from .fetch import allowed_hosts
from .guard import FetchError, check_url
from .models import Keyword, Source, Topic


class TopicForm(forms.ModelForm):
    """A topic's name and thresholds; when it is new, its first keywords, too."""

    first_keywords = forms.CharField(
        label=_("Keywords"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One word or phrase per line. A line that begins with a minus keeps articles out."),
    )

    class Meta:
        model = Topic
        fields = ["name", "language", "relevance_threshold", "quality_threshold"]
        help_texts = {
            "relevance_threshold": _("From 0 to 1. Articles that score lower are kept below threshold."),
            "quality_threshold": _("From 0 to 1. Teasers, link lists and paywalls score low."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("relevance_threshold", "quality_threshold"):
            self.fields[name].widget.attrs.update({"min": "0", "max": "1", "step": "0.05"})
        if self.instance.pk is not None:
            del self.fields["first_keywords"]

    def clean_name(self) -> str:
        """A name that the owner does not use yet."""
        name = str(self.cleaned_data["name"]).strip()
        others = Topic.objects.filter(owner_id=self.instance.owner_id, name=name).exclude(pk=self.instance.pk)
        if others.exists():
            raise forms.ValidationError(_("You have a topic of this name already."))
        return name

    def clean_language(self) -> str:
        """Two letters, or nothing."""
        language = str(self.cleaned_data["language"]).strip().lower()
        if language and not (len(language) == 2 and language.isascii() and language.isalpha()):
            raise forms.ValidationError(_("A language has two letters, such as “en”. Leave it empty for all."))
        return language

    def save(self, commit: bool = True) -> Topic:
        """Store the topic, and with a new one its keywords."""
        topic = super().save(commit)
        lines = str(self.cleaned_data.get("first_keywords", "")).splitlines()
        for phrase, kind in keywords_in(lines).items():
            topic.keywords.get_or_create(phrase=phrase, defaults={"kind": kind})
        return topic


def keywords_in(lines: list[str]) -> dict[str, Keyword.Kind]:
    """`heat pump`, `-sponsored` as phrases and what they mean."""
    found = {}
    for line in lines:
        kind = Keyword.Kind.EXCLUDE if line.strip().startswith("-") else Keyword.Kind.INCLUDE
        if phrase := " ".join(line.strip().removeprefix("-").split())[:100]:
            found[phrase] = kind
    return found


class KeywordForm(forms.ModelForm):
    """One more keyword."""

    class Meta:
        model = Keyword
        fields = ["phrase", "kind"]

    def clean_phrase(self) -> str:
        """A phrase the topic does not have yet."""
        phrase = " ".join(str(self.cleaned_data["phrase"]).split())
        if not any(map(str.isalnum, phrase)):
            raise forms.ValidationError(_("A keyword needs letters or digits."))
        if Keyword.objects.filter(topic_id=self.instance.topic_id, phrase=phrase).exists():
            raise forms.ValidationError(_("This topic has that keyword already."))
        return phrase


class SourceForm(forms.ModelForm):
    """One more feed."""

    class Meta:
        model = Source
        fields = ["url"]
        labels = {"url": _("Feed address")}

    def clean_url(self) -> str:
        """An address we would fetch, and that the topic does not have yet."""
        url = str(self.cleaned_data["url"]).strip()
        try:
            check_url(url, allowed_hosts())
            canonical_url(url)
        except (FetchError, ValueError) as error:
            raise forms.ValidationError(str(error)) from None
        if Source.objects.filter(topic_id=self.instance.topic_id, url=url).exists():
            raise forms.ValidationError(_("This topic reads that feed already."))
        return url
