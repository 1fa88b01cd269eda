"""What a child process is killed for. Importable there: no Django in here."""

import time


def hang(*_args: object) -> list[object]:
    """Take far too long."""
    time.sleep(60)
    return []
