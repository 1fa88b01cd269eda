"""Django's admin over what people may also change on pages: it leaves the same entries in the audit trail."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest

from live import audit
from notifications.large_tables import LargeTableAdmin

from .models import Keyword
from .rules import changing_keywords


class AuditedAdmin(LargeTableAdmin):
    """`word` is what the trail calls one of these rows: `topic` of `topic.changed`."""

    word: ClassVar[str]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Django saves, in its own transaction; what the row was before is read first."""
        if change:
            columns = {field.name for field in obj._meta.concrete_fields}
            with audit.changing(f"{self.word}.changed", obj, *(one for one in form.changed_data if one in columns)):
                super().save_model(request, obj, form, change)
        else:
            super().save_model(request, obj, form, change)
            audit.record(f"{self.word}.created", obj, **self.about(obj))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """One, from its page."""
        audit.record(f"{self.word}.deleted", obj, **self.about(obj))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Several, from the list."""
        for obj in queryset:
            audit.record(f"{self.word}.deleted", obj, **self.about(obj))
        super().delete_queryset(request, queryset)

    def about(self, obj: Any) -> dict[str, Any]:
        """What the entry of a new or deleted row says besides."""
        return {"topic": obj.topic.name} if hasattr(obj, "topic") else {}


class AuditedTopicAdmin(AuditedAdmin):
    """The same with the rows that are edited on a topic's page."""

    word = "topic"

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Keywords as lists of before and now, alert rules one by one."""
        topic = form.instance
        if formset.model is Keyword:
            with changing_keywords(topic):
                super().save_formset(request, form, formset, change)
            return
        # While it has its number.
        for gone in (one.instance for one in formset.deleted_forms if one.instance.pk):
            audit.record("alert_rule.deleted", gone, topic=topic.name)
        super().save_formset(request, form, formset, change)
        for made in formset.new_objects:
            audit.record("alert_rule.created", made, topic=topic.name)
        for changed, _fields in formset.changed_objects:
            audit.record("alert_rule.changed", changed, topic=topic.name)
