"""App configuration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The room `accounts`: by what people and their programs are let in."""

    name = "accounts"

    def ready(self) -> None:
        """Let sockets know tokens, count what is limited, keep what is done, and note sessions as they begin."""
        from django.conf import settings

        from live import audit as live_audit
        from live import limits as live_limits
        from live import tokens as live_tokens

        from . import limits, lockout, sessions, tokens
        from .audit import recorder, security

        limits.check_settings(settings.RATE_LIMITS)
        live_limits.register(limits.take_for_user)
        live_audit.register(recorder.keep)
        sessions.connect()  # before the trail, which says by which session somebody came in
        security.connect()
        lockout.connect()
        live_tokens.register(tokens.admit, tokens.still_valid)
