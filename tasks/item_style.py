"""How the items of a task's runs are shown and exported: `@task(item_style=ItemStyle(…))`."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ITEMS = _("Items")


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemLabel:
    """One way an item can end, as a person reads it; `key` is what the function calls it (`done(…, label=key)`)."""

    key: str
    word: str | Promise
    icon: str
    tone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemStyle:
    """What people call the items, and what of an item's data they see. The default shows keys and errors."""

    noun: str | Promise = ITEMS
    template: str = "tasks/partials/item.html"  # draws one; gets `item`, an item_pages.ItemView
    key: str = "key"  # the name of the first column of an export; from an item's data, if that has it
    columns: tuple[str, ...] = ()  # what of the data becomes further columns, in place of the error
    labels: tuple[ItemLabel, ...] = ()  # the choices above the list, in this order


PLAIN = ItemStyle()
