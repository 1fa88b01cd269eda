"""What time alone does to what is kept here. Every worker looks now and then; several at once do no harm."""

from . import limits
from .audit import retention


def look() -> None:
    """Do what is due now."""
    limits.delete_idle()
    retention.delete_old()
