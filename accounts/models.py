"""By what people and their programs are let in."""

from ipaddress import ip_address
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from .devices import in_words
from .scopes import Scope


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Queries as phrases."""

    def valid(self) -> Self:
        """Those that let somebody in: not revoked, not expired, of an active user."""
        alive = models.Q(expires_at=None) | models.Q(expires_at__gt=Now())
        return self.filter(alive, revoked_at=None, user__is_active=True)


class ApiToken(models.Model):
    """A token of a user's. What it says is shown once and not stored: only a digest of it is."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    # SHA-256 of 256 random bits: nothing that could be guessed, so nothing that would have to be slow.
    digest = models.CharField(max_length=64, unique=True, editable=False)
    beginning = models.CharField(max_length=12, editable=False, help_text="By which its owner knows it again.")
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        # The page of a person's tokens, newest first.
        indexes = [models.Index(fields=["user", "-id"], name="api_token_of_user")]
        constraints = [
            models.CheckConstraint(condition=models.Q(scopes__len__gt=0), name="api_token_has_a_scope"),
            models.CheckConstraint(condition=~models.Q(name=""), name="api_token_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class RateLimit(models.Model):
    """How much somebody has left of something: see limits.py, which alone writes here."""

    pk = models.CompositePrimaryKey("kind", "who")
    kind = models.CharField(max_length=20)
    who = models.CharField(max_length=64, help_text="A user, or an address.")
    # Not indexed, so that putting it off touches no index.
    full_at = models.DateTimeField()

    class Meta:
        db_table = "rate_limits"
        verbose_name = _("rate limit")
        verbose_name_plural = _("rate limits")

    def __str__(self) -> str:
        return f"{self.kind} {self.who}"


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Only to be read: the database refuses the rest as well."""

    def about(self, user_id: int) -> Self:
        """What was done with the account of this user, by them or by others."""
        return self.filter(account_id=user_id)

    def update(self, **kwargs: Any) -> int:
        """Refused."""
        raise TypeError("The audit trail is append-only.")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused: see audit/retention.py."""
        raise TypeError("The audit trail is append-only.")


class AuditEntry(models.Model):
    """Something that somebody did. Names are kept as they were: who did it may be renamed, or gone.

    Users are noted by number, without a foreign key: an entry outlives them and never changes.
    """

    class Via(models.TextChoices):
        """By what way."""

        PAGE = "page", _("Page")
        API = "api", _("API")
        ADMIN = "admin", _("Admin")
        RUN = "run", _("Run")
        TERMINAL = "terminal", _("Terminal")

    at = models.DateTimeField(db_default=Now(), editable=False)
    action = models.CharField(max_length=50)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150, blank=True)
    account_id = models.BigIntegerField(null=True, help_text="Whose account it is about.")
    thing_id = models.CharField(max_length=64, blank=True)
    thing_name = models.CharField(max_length=255, blank=True)
    changes = models.JSONField(default=dict, help_text="Before and now, by field.")
    details = models.JSONField(default=dict)
    via = models.CharField(max_length=10, choices=Via)
    address = models.GenericIPAddressField(null=True)
    session_id = models.BigIntegerField(null=True, help_text="Of a UserSession.")
    token_id = models.BigIntegerField(null=True, help_text="Of an ApiToken.")
    credential = models.CharField(max_length=100, blank=True, help_text="The device, or the name of the token.")
    request_id = models.CharField(max_length=128, blank=True)
    run_id = models.UUIDField(null=True, help_text="The run that did it.")

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        db_table = "audit_entries"
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        default_permissions = ["view"]
        # Each for one filter of the list, newest first.
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["actor_name", "-at", "-id"], name="audit_by_actor"),
            models.Index(fields=["action", "-at", "-id"], name="audit_by_action"),
            models.Index(fields=["thing_id", "-at", "-id"], name="audit_by_thing"),
            models.Index(fields=["address", "-at", "-id"], name="audit_by_address"),
            models.Index(
                fields=["account_id", "-at", "-id"],
                name="audit_by_account",
                condition=models.Q(account_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.thing_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new one only."""
        if not self._state.adding:
            raise TypeError("The audit trail is append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused."""
        raise TypeError("The audit trail is append-only.")


def is_address(text: str) -> bool:
    """Is this an IP address? A server on a Unix socket knows none."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class UserSession(models.Model):
    """What is known of a session beside what Django keeps: whose it is, on what device, when it was used last."""

    session = models.OneToOneField(Session, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    agent = models.CharField(max_length=300, blank=True, help_text="What the browser says of itself.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        return self.device

    @property
    def device(self) -> str:
        """The browser and what it runs on, in words."""
        return in_words(self.agent)
