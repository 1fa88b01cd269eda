"""What people may enter about sources, and what they hear when it cannot be used."""

from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingest.models import Source, Topic
from ingest.topic_settings import RHYTHMS, BadSetting, every_words

from . import editing
from .lines import MAX_BYTES, Line, UnreadableList, read_list


class AddForm(forms.Form):
    """The address of a feed, or of a page that leads to one."""

    url = forms.CharField(
        label=_("Address"),
        max_length=1000,
        widget=forms.URLInput(attrs={"placeholder": "https://", "autocomplete": "off"}),
        help_text=_("Of a feed, or of a site: its feeds are looked for."),
    )

    def __init__(self, topic: Topic, data: Any = None) -> None:
        super().__init__(data)
        self._topic = topic

    def clean_url(self) -> str:
        """An address we would fetch, and that the topic does not have yet."""
        url = self.cleaned_data["url"].strip()
        try:
            return editing.checked_url(self._topic, url if "://" in url or ":" in url else f"https://{url}")
        except BadSetting as error:
            raise forms.ValidationError(str(error)) from None


class SourceForm(forms.ModelForm):
    """Everything a person sets about a source."""

    every = forms.TypedChoiceField(label=_("Read"), required=False, coerce=int, empty_value=None)

    class Meta:
        model = Source
        fields = ["title", "url", "folder", "every", "is_paused"]
        labels = {"url": _("Feed address"), "is_paused": _("Paused")}
        help_texts = {
            "title": _("Empty: as the feed calls itself."),
            "folder": _("For your own order, and in an OPML file. A slash makes a folder in a folder: News/Europe."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        topic = self.instance.topic
        rhythms = sorted({*RHYTHMS, *filter(None, [self.instance.every])})
        choices = [("", gettext("As its topic says: %(often)s") % {"often": every_words(topic.collect_every)})]
        choices += [(str(minutes), str(capfirst(every_words(minutes)))) for minutes in rhythms]
        self.fields["every"].choices = choices  # type: ignore[attr-defined]

    def clean_url(self) -> str:
        """An address we would fetch, and that the topic does not have yet."""
        source = Source.objects.select_related("topic").get(pk=self.instance.pk)
        url = str(self.cleaned_data["url"]).strip()
        try:
            return url if url == source.url else editing.checked_url(source.topic, url, except_for=source)
        except BadSetting as error:
            raise forms.ValidationError(str(error)) from None

    def save(self, commit: bool = True) -> Source:
        """Write what was changed."""
        wanted = self.cleaned_data | {"every": self.cleaned_data["every"] or 0}
        return editing.change(Source.objects.select_related("topic").get(pk=self.instance.pk), **wanted)


class ImportForm(forms.Form):
    """A list of sources, pasted or as a file."""

    text = forms.CharField(
        label=_("Paste addresses"),
        required=False,
        max_length=1_000_000,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_("One per line, or rows of CSV: url, title, folder."),
    )
    file = forms.FileField(
        label=_("Or choose a file"),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".opml,.xml,.csv,.txt"}),
        help_text=_("OPML, as other feed readers export it, CSV, or a list of addresses."),
    )
    look = forms.BooleanField(
        label=_("Some of these are sites, not feeds: look for their feeds"),
        required=False,
        help_text=_("Opens every address, which takes a while."),
    )

    def clean(self) -> dict[str, Any]:
        """The lines in what was sent."""
        data = super().clean() or {}
        file, text = data.get("file"), str(data.get("text") or "")
        if file is None and not text.strip() and not self.errors:
            raise forms.ValidationError(_("Paste some addresses, or choose a file."))
        if file is not None and text.strip():
            raise forms.ValidationError(_("Paste addresses or choose a file: one of the two."))
        if file is not None and file.size > MAX_BYTES:
            raise forms.ValidationError(_("This file is larger than 5 MB. Split it."))
        if not self.errors:
            body = file.read() if file is not None else text.encode()
            try:
                data["lines"] = async_to_sync(read_list)(body)
            except UnreadableList as error:
                raise forms.ValidationError(str(error)) from None
        return data

    @property
    def lines(self) -> list[Line]:
        """What was read."""
        found: list[Line] = self.cleaned_data["lines"]
        return found
