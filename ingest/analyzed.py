"""How a page shows what came of each article of a run, and what of it goes into a file."""

from django.utils.translation import gettext_lazy as _

from tasks.item_style import ItemLabel, ItemStyle

from .decisions import Decision
from .presenters.articles import BADGES

ARTICLES = ItemStyle(
    noun=_("Articles"),
    template="ingest/partials/analyzed.html",
    key="url",
    columns=("decision", "failure", "relevance", "quality", "language", "title", "reason"),
    labels=tuple(
        ItemLabel(key=decision.value, word=decision.label, icon=icon, tone=tone)
        for decision, (icon, tone) in BADGES.items()
        if decision not in {Decision.PENDING, Decision.FAILED}  # those are outcomes of every task
    ),
)
