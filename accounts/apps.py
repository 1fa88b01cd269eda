"""App configuration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The room `accounts`: by what people and their programs are let in."""

    name = "accounts"

    def ready(self) -> None:
        """Let sockets know tokens."""
        from live import tokens as live_tokens

        from . import tokens

        live_tokens.register(tokens.admit, tokens.still_valid)
