"""Django's admin over tables with millions of rows, for this room and those above.

Nothing in here counts, sorts or looks through a whole table: a list is walked by its primary key, and what is searched
has an index or a bound.
"""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

COUNTED = 2_000
LOOKED_THROUGH = 10_000


class BoundedPaginator(Paginator):
    """Pages as far as somebody would turn them. It counts no further: to count millions takes a while."""

    bound = COUNTED

    @cached_property
    def count(self) -> int:
        """How many there are, 2,000 at most."""
        rows: Any = self.object_list
        return int(rows.order_by()[: self.bound].count())


class LargeTableAdmin(admin.ModelAdmin):
    """A list that costs the same however long its table is."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 50
    ordering: ClassVar[Any] = ["-pk"]
    sortable_by: ClassVar[Any] = []


class ReadOnly:
    """No adding, changing or deleting."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The program makes rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The program changes them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The program deletes them."""
        return False


def newest_saying[M: models.Model](rows: QuerySet[M], term: str, fields: list[str]) -> Q:
    """Those of the newest 10,000 of the table that have `term` in one of `fields`."""
    newest = rows.model._default_manager.order_by("-pk").values_list("pk", flat=True)
    last_looked_at = newest[LOOKED_THROUGH : LOOKED_THROUGH + 1].first()
    said = Q()
    for field in fields:
        said |= Q(**{f"{field}__icontains": term})
    return said if last_looked_at is None else said & Q(pk__gt=last_looked_at)
