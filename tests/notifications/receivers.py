"""Who takes what leaves the site: a real mail server, and a real program behind a webhook."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default as modern
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from django.test import override_settings

from tests.servers import free_port


@dataclass
class Postbox:
    """Letters that arrived. With `refuses` set, the server answers that instead."""

    letters: list[Message] = field(default_factory=list)
    refuses: str = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """One letter, as aiosmtpd hands it over."""
        if self.refuses:
            return self.refuses
        self.letters.append(message_from_bytes(envelope.content, policy=modern))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[Postbox]:
    """An SMTP server on loopback that this process's letters go to."""
    postbox = Postbox()
    port = free_port()
    controller = Controller(postbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        options = {"host": "127.0.0.1", "port": port}
        mailers = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}
        with override_settings(MAILERS=mailers):
            yield postbox
    finally:
        controller.stop()


@dataclass
class Program:
    """What a webhook was sent; answers with `statuses` in turn, the last one for ever."""

    statuses: list[int]
    port: int = 0
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.received]


@contextmanager
def program(*statuses: int) -> Iterator[Program]:
    """An HTTP server on loopback that takes webhooks."""
    taken = Program(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = taken.statuses.pop(0) if len(taken.statuses) > 1 else taken.statuses[0]
            self.send_response(status)
            self.send_header("Content-Length", "0")
            if status == 302:
                self.send_header("Location", "http://169.254.169.254/")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield taken
    finally:
        server.shutdown()
        server.server_close()
