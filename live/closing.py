"""Why sockets are closed, in numbers a browser can hear."""

import sys
from typing import Any

UNSUPPORTED_DATA = 1003
TOO_BIG = 1009
COME_BACK = 1012  # service restart: clients reconnect
TRY_LATER = 1013
NOT_SIGNED_IN = 4401
FORBIDDEN = 4403
NOT_FOUND = 4404
TOO_MANY = 4429


class Refused(Exception):
    """This socket may not be opened, or not stay open: `code` for programs, `reason` for people."""

    def __init__(self, code: int, reason: str = "") -> None:
        self.code = code
        self.reason = reason
        super().__init__(code, reason)


def teach_daphne() -> None:
    """Let Daphne close with any code.

    Its own serverClose goes through a check that is meant for clients and takes only 1000 and 3000-4999, so
    that 1012, said by an application, became an exception and 1011. Does nothing under another server.
    """
    module = sys.modules.get("daphne.ws_protocol")
    if module is None or getattr(module.WebSocketProtocol.serverClose, "any_code", False):
        return

    def server_close(protocol: Any, code: int | None = None) -> None:
        protocol.sendCloseFrame(code=1000 if code is None else code, isReply=False)

    server_close.any_code = True  # type: ignore[attr-defined]
    module.WebSocketProtocol.serverClose = server_close
