"""What people call the models and their columns, as the admin and forms show them.

Said once the models are made, and not in them: what a column is called is no part of the schema, and in a model every
such word would be a migration.
"""

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from .alerts import Alert, AlertRule, CollectPreferences
from .articles import Article
from .sources import Source
from .topics import Keyword, Topic

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# What one is called, and several.
OF_MODELS: dict[type[models.Model], tuple["_StrPromise", "_StrPromise"]] = {
    Topic: (_("topic"), _("topics")),
    Keyword: (_("keyword"), _("keywords")),
    Source: (_("source"), _("sources")),
    Article: (_("article"), _("articles")),
    AlertRule: (_("alert rule"), _("alert rules")),
    Alert: (_("alert"), _("alerts")),
    CollectPreferences: (_("collect preferences"), _("collect preferences")),
}
# One word for one thing: columns of several models have the same name only where they mean the same.
OF_COLUMNS: dict[str, "_StrPromise"] = {
    "analyzer": _("analyzer"),
    "article": _("article"),
    "author": _("author"),
    "auto_processing": _("auto processing"),
    "canonical_url": _("canonical url"),
    "collect_every": _("collect every"),
    "created_at": _("created at"),
    "decided_at": _("decided at"),
    "decision": _("decision"),
    "declared_url": _("declared url"),
    "digest": _("digest"),
    "digest_hour": _("digest hour"),
    "digest_sent_on": _("digest sent on"),
    "digest_until": _("digest until"),
    "due_at": _("due at"),
    "duplicate_of": _("duplicate of"),
    "every": _("every"),
    "failure": _("failure"),
    "failures": _("failures"),
    "fetched_at": _("fetched at"),
    "field": _("field"),
    "folder": _("folder"),
    "found_at": _("found at"),
    "is_paused": _("is paused"),
    "kind": _("kind"),
    "language": _("language"),
    "last_checked_at": _("last checked at"),
    "last_error": _("last error"),
    "last_modified": _("last modified"),
    "last_new_at": _("last new at"),
    "minimum_relevance": _("minimum relevance"),
    "name": _("name"),
    "next_check_at": _("next check at"),
    "owner": _("owner"),
    "phrase": _("phrase"),
    "published_at": _("published at"),
    "quality": _("quality"),
    "quality_threshold": _("quality threshold"),
    "read_at": _("read at"),
    "reasons": _("reasons"),
    "relevance": _("relevance"),
    "relevance_threshold": _("relevance threshold"),
    "rules": _("rules"),
    "run": _("run"),
    "sentiment": _("sentiment"),
    "site": _("site"),
    "site_url": _("site url"),
    "source": _("source"),
    "starred_at": _("starred at"),
    "summary": _("summary"),
    "tell": _("tell"),
    "text": _("text"),
    "title": _("title"),
    "topic": _("topic"),
    "unfinished": _("unfinished"),
    "url": _("url"),
}


def name_models() -> None:
    """Give the models and their columns their names."""
    for model, (one, many) in OF_MODELS.items():
        model._meta.verbose_name, model._meta.verbose_name_plural = one, many
        for column in model._meta.concrete_fields:
            column.verbose_name = OF_COLUMNS.get(column.name, column.verbose_name)
