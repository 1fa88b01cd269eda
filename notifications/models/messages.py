"""Notifications, and who has read which broadcast."""

from functools import cached_property
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import CheckConstraint, Exists, Func, Index, OuterRef, Q, UniqueConstraint
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifications.links import LINK_MAX_LENGTH, LINK_PATTERN, is_local_path

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django_stubs_ext.db.models.manager import RelatedManager

    from .details import NotificationDetails


class CurrentTimestamp(Func):
    """SQL's CURRENT_TIMESTAMP, as a column default."""

    template = "CURRENT_TIMESTAMP"
    output_field = models.DateTimeField()


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Queries that read as phrases: `Notification.objects.own(user).unread()`."""

    def own(self, user: "User") -> Self:
        """Notifications addressed to `user` by name."""
        return self.filter(user_id=user.get_username())

    def broadcasts(self) -> Self:
        """Notifications addressed to everyone."""
        return self.filter(user_id=None)

    def broadcasts_for(self, user: "User") -> Self:
        """Broadcasts sent since `user` joined that `user` has not dismissed."""
        dismissed = NotificationReceipt.objects.filter(
            notification=OuterRef("pk"), user_id=user.pk, dismissed_at__isnull=False
        )
        return self.broadcasts().filter(~Exists(dismissed), created_at__gte=user.date_joined)

    def unread_broadcasts_for(self, user: "User") -> Self:
        """Broadcasts sent since `user` joined that `user` has neither read nor dismissed."""
        settled = NotificationReceipt.objects.filter(notification=OuterRef("pk"), user_id=user.pk).exclude(
            read_at=None, dismissed_at=None
        )
        return self.broadcasts().filter(~Exists(settled), created_at__gte=user.date_joined)

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Everything `user` may see: their own, and broadcasts not dismissed."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        mine: Q = Q(user_id=user.get_username())
        theirs = Notification.objects.broadcasts_for(user)  # type: ignore[arg-type]
        return self.filter(mine | Q(user_id=None, pk__in=theirs.values("pk")))

    def unread(self) -> Self:
        """Unread by their addressee; says nothing of broadcasts, which each reader reads alone."""
        return self.filter(read=False)


class Notification(models.Model):
    """A message to one user, or with no user to everyone: a broadcast."""

    id = models.AutoField(primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        to_field="username",
        db_column="username",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        # The migration makes the constraint itself: ON UPDATE CASCADE is more than Django can say.
        db_constraint=False,
        related_name="notifications",
        help_text=_("Nobody means everyone."),
    )
    type = models.CharField(max_length=50)
    title = models.CharField(max_length=255)
    message = models.TextField()
    link = models.CharField(max_length=LINK_MAX_LENGTH, null=True, blank=True, help_text=_("A path on this site."))
    read = models.BooleanField(
        default=False, db_default=False, help_text=_("Read by its addressee. For broadcasts see the receipts.")
    )
    created_at = models.DateTimeField(default=timezone.now, db_default=CurrentTimestamp())

    objects = NotificationQuerySet.as_manager()

    if TYPE_CHECKING:
        receipts: "RelatedManager[NotificationReceipt]"
        user_id: str | None

    class Meta:
        db_table = "notifications"
        ordering = ["-created_at", "-id"]
        permissions = [("send", "Can send notifications to users, groups and everyone")]
        constraints = [
            CheckConstraint(
                condition=Q(link=None) | Q(link__regex=LINK_PATTERN), name="notification_link_is_local_path"
            ),
        ]
        indexes = [
            # One user's notifications, and the broadcasts, newest first.
            Index(fields=["user", "-created_at", "-id"], name="ix_notifications_username"),
            # The admin's filter.
            Index(fields=["read"], name="ix_notifications_read"),
            # The admin's list.
            Index(fields=["created_at"], name="ix_notifications_created_at"),
            # Counting, listing and marking what one user has not read.
            Index(fields=["user", "read", "-created_at", "-id"], name="ix_notifications_username_read"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def username(self) -> str | None:
        """Whom it is addressed to; None for a broadcast."""
        return self.user_id

    @property
    def is_broadcast(self) -> bool:
        """Is it addressed to everyone?"""
        return self.user_id is None

    @cached_property
    def more(self) -> "NotificationDetails | None":
        """What it says beyond its columns; most say nothing. Whoever has just read or written that, assigns it."""
        from .details import NotificationDetails

        return NotificationDetails.objects.filter(pk=self.pk).first()

    @property
    def severity(self) -> str:
        """How much it matters, empty for what its type says."""
        return self.more.severity if self.more else ""

    @property
    def occurrences(self) -> int:
        """How often it was told while it was unread."""
        return self.more.occurrences if self.more else 1

    @property
    def safe_link(self) -> str:
        """The link for a page: checked once more, empty if it is not a path on this site."""
        return self.link if self.link and is_local_path(self.link) else ""


class NotificationReceipt(models.Model):
    """What one user did with one broadcast. Made only when the user acts."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="receipts")
    # The unique constraint below is the index for look-ups by user.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notification_receipts",
        db_index=False,
    )
    read_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "notification_receipts"
        constraints = [UniqueConstraint(fields=["user", "notification"], name="one_receipt_per_user_and_broadcast")]

    def __str__(self) -> str:
        return gettext("%(user)s and “%(title)s”") % {"user": self.user, "title": self.notification}
