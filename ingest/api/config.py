"""What the topics ask for: read it, change it."""

from dataclasses import replace
from typing import Any, Literal

from django.db import transaction
from django.http import HttpRequest
from ninja import Field, Router, Schema

from ingest import access
from ingest.judging.recheck import to_recheck
from ingest.models import Topic
from ingest.reading.relevance import Rules, Term
from ingest.rules import (
    MAX_KEYWORDS,
    MAX_PHRASE,
    RULE_COLUMNS,
    BadKeyword,
    Keywords,
    keywords_of,
    read_lines,
    rules_of,
    save_keywords,
    write_line,
)
from ingest.topic_settings import LONGEST, BadSetting, change_settings
from live.errors import invalid
from live.frames import timestamp

from .answers import require_change

router = Router()


class KeywordGiven(Schema):
    """One keyword: what to look for, whether it lets an article in or keeps it out, and where to look."""

    phrase: str = Field(min_length=1, max_length=MAX_PHRASE)
    kind: Literal["include", "exclude"] = "include"
    field: Literal["any", "title", "body", "author", "site"] = "any"


class RulesGiven(Schema):
    """Rules of a topic; what is left out is as it was. Lists replace the old ones.

    In `include` and `exclude` a keyword is a line as on the page of rules: `heat pump`, `title: tariff`,
    `"exactly these words"`. `keywords` says the same in fields, and goes without the other two.
    """

    relevance_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    quality_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    language: str | None = Field(None, pattern=r"^([a-z]{2})?$")
    include: list[str] | None = Field(None, max_length=MAX_KEYWORDS)
    exclude: list[str] | None = Field(None, max_length=MAX_KEYWORDS)
    keywords: list[KeywordGiven] | None = Field(None, max_length=MAX_KEYWORDS)

    def columns(self) -> dict[str, Any]:
        """What is said of the topic's own columns."""
        return {name: value for name in RULE_COLUMNS if (value := getattr(self, name)) is not None}

    def keywords_for(self, topic: Topic) -> Keywords | None:
        """The topic's keywords as they would be; None when nothing is said of them. Raises a 422."""
        if self.keywords is not None:
            if self.include is not None or self.exclude is not None:
                raise invalid("keywords", "goes without include and exclude: they say the same.")
            sides = [[one for one in self.keywords if one.kind == kind] for kind in ("include", "exclude")]
            lines = [[write_line(Term(phrase=one.phrase, field=one.field)) for one in side] for side in sides]
            return _read("keywords", *lines)
        if self.include is None and self.exclude is None:
            return None
        before = keywords_of(topic)
        include = self.include if self.include is not None else [*map(write_line, before.include)]
        exclude = self.exclude if self.exclude is not None else [*map(write_line, before.exclude)]
        named = "include" if self.include is not None else "exclude"
        return _read(named, [line.lstrip("- ") for line in include], exclude)

    def rules_for(self, topic: Topic) -> Rules:
        """The topic's rules as they would be. Raises a 422."""
        rules = replace(rules_of(topic), **self.columns())
        keywords = self.keywords_for(topic)
        return rules if keywords is None else replace(rules, include=keywords.include, exclude=keywords.exclude)


class SettingsGiven(RulesGiven):
    """Rules, how often the topic is collected (minutes; 0: only when somebody asks), and of which collections its
    owner is told.
    """

    collect_every: int | None = Field(None, ge=0, le=LONGEST)
    tell: Literal["each", "added", "never"] | None = None


class ConfigChange(SettingsGiven):
    """What to change about a topic; what is left out stays."""

    topic_id: int = Field(ge=1, le=2**63 - 1)
    name: str | None = Field(None, min_length=1, max_length=100)


@router.get("/config", summary="Show what the topics ask for")
def config(request: HttpRequest) -> dict[str, Any]:
    """Thresholds, keywords and sources of every topic the asker may see."""
    topics = Topic.objects.visible_to(request.user).prefetch_related("keywords", "sources")
    return {"success": True, "topics": [config_of(topic) for topic in topics]}


@router.patch("/config", summary="Change what a topic asks for")
def change_config(request: HttpRequest, payload: ConfigChange) -> dict[str, Any]:
    """Counts from the next run on; what is decided stays decided until the topic is re-checked: `to_recheck` articles
    were judged by other rules than these.
    """
    topic = access.get_visible_topic(request.user, payload.topic_id)
    require_change(request, topic)
    keywords = payload.keywords_for(topic)
    settings = {name: getattr(payload, name) for name in ("name", "collect_every", "tell")}
    try:
        with transaction.atomic():
            if keywords is not None:
                save_keywords(topic, keywords)
            change_settings(topic, **payload.columns(), **settings)
    except BadSetting as error:
        raise invalid(error.field, str(error)) from None
    changed = _topic(topic.pk)
    # Counted to 10,000.
    return {"success": True, "topic": config_of(changed), "to_recheck": to_recheck(changed, rules_of(changed))}


def _topic(pk: int) -> Topic:
    return Topic.objects.prefetch_related("keywords", "sources").get(pk=pk)


def _read(field: str, include: list[str], exclude: list[str]) -> Keywords:
    try:
        return read_lines(include, exclude)
    except BadKeyword as error:
        raise invalid(field, str(error)) from None


def config_of(topic: Topic) -> dict[str, Any]:
    """A topic as this API shows it."""
    keywords = keywords_of(topic)
    return {
        "topic_id": topic.pk,
        "name": topic.name,
        "language": topic.language,
        "relevance_threshold": topic.relevance_threshold,
        "quality_threshold": topic.quality_threshold,
        "include": [*map(write_line, keywords.include)],
        "exclude": [*map(write_line, keywords.exclude)],
        "keywords": [
            {"phrase": one.phrase, "kind": kind, "field": one.field}
            for kind, side in (("include", keywords.include), ("exclude", keywords.exclude))
            for one in side
        ],
        "collect_every": topic.collect_every,
        "tell": topic.tell,
        "sources": [
            {
                "id": source.pk,
                "url": source.url,
                "title": source.title,
                "health": source.health.value,
                "last_error": source.last_error,
                "failures": source.failures,
                "last_checked_at": timestamp(source.last_checked_at) if source.last_checked_at else None,
                "next_check_at": timestamp(source.next_check_at) if source.next_check_at else None,
            }
            for source in topic.sources.all()
        ],
    }
