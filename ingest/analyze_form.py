"""The form of a bulk analysis: addresses as they were pasted, uploaded and mended, and by what to judge them.

It works in rounds. Each shows what would be read and which lines cannot be used; those can be mended where they are
listed. A line keeps its number through all rounds: what is taken out of the text to be mended leaves a blank line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from live.numbers import grouped

from .addresses import MAX_BYTES, MAX_URLS, Addresses, BadLine, first_bad, read_lines
from .fetching.fetch import allowed_hosts
from .lines import Line, lines_of_file, lines_of_text
from .models import Topic
from .rules import BadKeyword
from .rules import read_lines as read_keywords

_MENDED = "line-"  # and the number: the field of a line that is to be mended


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What was found in the addresses. `more_bad`: lines that cannot be used besides those that are listed."""

    addresses: Addresses
    bad: Sequence[BadLine]
    more_bad: int

    @property
    def can_start(self) -> bool:
        """Is there anything to read, and not more than one run may?"""
        return bool(self.addresses.urls) and not self.addresses.too_many


class AnalyzeForm(forms.Form):
    """What to read, by what to judge it, what to do with it."""

    text = forms.CharField(
        label=_("Addresses"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "autocapitalize": "off", "wrap": "off"}),
    )
    file = forms.FileField(
        label=_("Or a file of them"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".txt,.csv,.tsv,text/plain,text/csv"}),
    )
    topic = forms.ChoiceField(label=_("Judge by"), required=False)
    keywords = forms.CharField(
        label=_("Keywords"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("Used when no topic is chosen: one a line; a line that begins with a minus keeps articles out."),
    )
    relevance_threshold = forms.FloatField(
        label=_("Relevance threshold"),
        required=False,
        min_value=0,
        max_value=1,
        widget=forms.NumberInput(attrs={"step": "0.05", "inputmode": "decimal"}),
        help_text=_("From 0 to 1. Empty: the topic’s own, or 0.4."),
    )
    save = forms.BooleanField(
        label=_("Keep what is read as articles of the topic"),
        required=False,
        help_text=_("Otherwise you see what came of each address, and no article is stored."),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, files: Any = None, *, owner: AbstractBaseUser) -> None:
        super().__init__(data, files)
        self._mended = {
            int(name.removeprefix(_MENDED)): str(value)
            for name, value in (data or {}).items()
            if name.startswith(_MENDED) and name.removeprefix(_MENDED).isdecimal() and len(name) < 15
        }
        self.topics = {str(topic.pk): topic for topic in Topic.objects.owned_by(owner)}
        self.fields["text"].help_text = gettext(
            "One a line, %(most)s at most. A table copied from a spreadsheet will do as well."
        ) % {"most": grouped(MAX_URLS)}
        self.fields["file"].help_text = gettext(
            "Text or CSV, %(most)s MB at most. Its addresses are added to those above."
        ) % {"most": MAX_BYTES // 1_000_000}
        choices = [("", _("The keywords below")), *((key, topic.name) for key, topic in self.topics.items())]
        self.fields["topic"].choices = choices  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        """A file that is not too large to be looked at."""
        file = self.cleaned_data["file"]
        if file and (file.size or 0) > MAX_BYTES:
            raise forms.ValidationError(
                gettext("This file has %(size)s MB; %(most)s MB is the most. Split it.")
                % {"size": number_format(f"{file.size / 1_000_000:.1f}"), "most": MAX_BYTES // 1_000_000}
            )
        return file

    def clean(self) -> dict[str, Any]:
        """Something to judge by."""
        cleaned = super().clean() or self.cleaned_data
        topic, lines = self.topics.get(cleaned.get("topic", "")), str(cleaned.get("keywords", "")).splitlines()
        try:
            keywords = read_keywords(lines)
        except BadKeyword as error:
            self.add_error("keywords", str(error))
            return cleaned
        if topic is None and "topic" in cleaned:
            if not keywords.include:
                self.add_error("keywords", _("Choose a topic, or say here what to look for."))
            elif cleaned.get("save"):
                self.add_error("save", _("Choose a topic to keep the articles in."))
        if topic is None and keywords.include:
            cleaned["name"], cleaned["lines"] = keywords.include[0].phrase, [one for one in lines if one.strip()]
        elif topic is not None:
            cleaned["name"], cleaned["lines"] = topic.name, []
        return cleaned

    def check(self) -> Check:
        """Look at the addresses: those of the text, of the lines that were mended, and of the file.

        The fields for the next round are filled: nothing that was typed or uploaded is lost.
        """
        lines = self._lines()
        addresses = read_lines(lines, allowed_hosts())
        bad = first_bad(addresses)
        taken_out = {one.number for one in bad}
        # Bound to what comes next: the text without what is listed to be mended, every line at its number.
        self.data = {
            **{name: value for name, value in self.data.items() if not name.startswith(_MENDED)},
            "text": _text_of(line for line in lines if line.number not in taken_out),
        }
        return Check(addresses=addresses, bad=bad, more_bad=len(addresses.bad) - len(bad))

    def _lines(self) -> list[Line]:
        lines = {line.number: line.text for line in lines_of_text(str(self.cleaned_data.get("text") or ""))}
        behind = max([0, *lines, *self._mended])
        for number, text in self._mended.items():
            if not lines.get(number, "").strip():
                lines[number] = text
            elif text.strip():  # the text was changed meanwhile, and another line stands there
                behind += 1
                lines[behind] = text
        if file := self.cleaned_data.get("file"):
            start = behind if any(text.strip() for text in lines.values()) else 0
            lines = {key: text for key, text in lines.items() if start or text.strip()}
            for line in lines_of_file(file.read(), file.name):
                lines[start + line.number] = line.text
        return [Line(number=number, text=lines[number]) for number in sorted(lines)]


def _text_of(lines: Any) -> str:
    """The text in which each of these stands in the line of its number."""
    found = {line.number: " ".join(line.text.split()) for line in lines}
    return "\n".join(found.get(number, "") for number in range(1, max(found, default=0) + 1))
