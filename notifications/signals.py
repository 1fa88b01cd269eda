"""What becomes of notifications, for whoever counts. A receiver that fails harms nothing."""

from django.dispatch import Signal

notification_told = Signal()  # with `type`: committed, and not silenced by its reader
delivery_moved = Signal()  # with `channel`, `number`, and `state`: sent, skipped, failed, or postponed
