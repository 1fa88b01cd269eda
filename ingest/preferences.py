"""What a person wants of collecting as a whole: read and changed here, by page and API alike."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from live import audit
from tasks.db import database_now

from .models import CollectPreferences
from .telling.digest import SETTLED, day_of


def preferences_of(user: AbstractBaseUser) -> CollectPreferences:
    """What `user` chose; without a row of theirs, an unsaved one with the defaults."""
    return CollectPreferences.objects.filter(owner_id=user.pk).first() or CollectPreferences(owner_id=user.pk)


def change_preferences(
    user: AbstractBaseUser,
    *,
    auto_processing: bool | None = None,
    digest: bool | None = None,
    digest_hour: int | None = None,
) -> CollectPreferences:
    """Store what `user` chose; what is None stays. A digest that is turned on begins with what is added from now on."""
    with transaction.atomic():
        known, _made = CollectPreferences.objects.get_or_create(owner_id=user.pk)
        saved = audit.changing("collecting.changed", known, "auto_processing", "digest", "digest_hour", about=user.pk)
        # Locked, and only these columns written: a worker may be sending the digest.
        mine = CollectPreferences.objects.select_for_update().get(owner_id=user.pk)
        starts = bool(digest) and not mine.digest
        if auto_processing is not None:
            mine.auto_processing = auto_processing
        if digest is not None:
            mine.digest = digest
        if digest_hour is not None:
            mine.digest_hour = digest_hour
        changed = ["auto_processing", "digest", "digest_hour"]
        if starts:
            now = database_now()
            mine.digest_sent_on, mine.digest_until = day_of(mine.digest_hour, now), now - SETTLED
            changed += ["digest_sent_on", "digest_until"]
        with saved:
            mine.save(update_fields=changed)
    return mine
