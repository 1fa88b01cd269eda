"""App configuration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The room `accounts`: by what people and their programs are let in."""

    name = "accounts"

    def ready(self) -> None:
        """Let sockets know tokens, and note sessions as they begin."""
        from live import tokens as live_tokens

        from . import sessions, tokens

        sessions.connect()
        live_tokens.register(tokens.admit, tokens.still_valid)
