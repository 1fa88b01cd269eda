"""How an article's journey can end, as data: code, badges, filters and tests read these tables."""

from collections.abc import Callable

from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, npgettext, pgettext_lazy

from live.numbers import grouped


class Decision(models.TextChoices):
    """What became of an article. Everything but PENDING is final until a rule changes or a person asks."""

    PENDING = "pending", _("Pending")
    APPROVED = "approved", _("Added")
    FILTERED_RELEVANCE = "filtered_relevance", _("Below threshold")
    REJECTED_QUALITY = "rejected_quality", _("Rejected")
    DUPLICATE = "duplicate", _("Duplicate")
    FAILED = "failed", pgettext_lazy("article", "Failed")

    @property
    def word(self) -> str:
        """What it is called inside a sentence, where some languages write words otherwise."""
        return str(_INSIDE[self])

    def counted(self, number: int) -> str:
        """`12 added`: how many ended so."""
        return _COUNTED[self](number) % {"count": grouped(number)}


_INSIDE = {
    Decision.PENDING: pgettext_lazy("inside a sentence", "pending"),
    Decision.APPROVED: pgettext_lazy("inside a sentence", "added"),
    Decision.FILTERED_RELEVANCE: pgettext_lazy("inside a sentence", "below threshold"),
    Decision.REJECTED_QUALITY: pgettext_lazy("inside a sentence", "rejected"),
    Decision.DUPLICATE: pgettext_lazy("inside a sentence", "duplicate"),
    Decision.FAILED: pgettext_lazy("inside a sentence", "failed"),
}
_COUNTED: dict[Decision, Callable[[int], str]] = {
    Decision.PENDING: lambda n: npgettext("articles", "%(count)s pending", "%(count)s pending", n),
    Decision.APPROVED: lambda n: npgettext("articles", "%(count)s added", "%(count)s added", n),
    Decision.FILTERED_RELEVANCE: lambda n: ngettext("%(count)s below threshold", "%(count)s below threshold", n),
    Decision.REJECTED_QUALITY: lambda n: ngettext("%(count)s rejected", "%(count)s rejected", n),
    Decision.DUPLICATE: lambda n: ngettext("%(count)s duplicate", "%(count)s duplicate", n),
    Decision.FAILED: lambda n: npgettext("articles", "%(count)s failed", "%(count)s failed", n),
}


# What rules decide, and other rules may decide otherwise.
JUDGED = (Decision.APPROVED, Decision.FILTERED_RELEVANCE, Decision.REJECTED_QUALITY, Decision.DUPLICATE)


class Failure(models.TextChoices):
    """Why an article (or a feed) could not be read. The labels are what a person is told."""

    BAD_URL = "bad_url", _("the address is not one we can open")
    BLOCKED_ADDRESS = "blocked_address", _("the address leads into a private network")
    DNS = "dns", _("the host name could not be resolved")
    CONNECTION = "connection", _("the server could not be reached")
    TIMEOUT = "timeout", _("the server took too long")
    TOO_LARGE = "too_large", _("the page is too large")
    TOO_MANY_REDIRECTS = "too_many_redirects", _("the page redirects too often")
    NOT_FOUND = "not_found", _("the page does not exist")
    GONE = "gone", _("the page is gone for good, its server says")
    ROBOTS = "robots", _("the site asks robots not to read this page")
    BUSY = "busy", _("the server asks us to come back later")
    HTTP_ERROR = "http_error", _("the server answered with an error")
    BAD_CONTENT = "bad_content", _("the answer is not a readable page")
    NOT_A_FEED = "not_a_feed", _("the answer is not a feed")
    NO_TEXT = "no_text", _("no article text was found on the page")
    ANALYSIS_TIMEOUT = "analysis_timeout", _("reading the page took too much computing time")
    ANALYSIS_CRASHED = "analysis_crashed", _("reading the page failed")

    def because(self, detail: str = "") -> str:
        """Why, inside a sentence: `the server took too long (20 s)`."""
        return f"{self.label} ({detail})" if detail else str(self.label)

    def sentence(self, detail: str = "") -> str:
        """Why, as a sentence: `The server took too long (20 s).`"""
        return f"{capfirst(self.because(detail))}."
