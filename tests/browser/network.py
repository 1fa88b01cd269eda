"""A network between browser and server that can go silent, be cut, and come back."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Network:
    """Forwards to a port of this machine. What is connected when it goes silent never hears another byte.

    `rewrite` says what becomes of a piece on its way; it must stay as long as it was.
    """

    def __init__(self, to_port: int, *, rewrite: Callable[[bytes], bytes] = bytes) -> None:
        self._to_port = to_port
        self._rewrite = rewrite
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._silent: set[socket.socket] = set()
        self._is_up = True
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where the site is behind this network."""
        return f"http://127.0.0.1:{self.port}"

    def go_silent(self) -> None:
        """Nothing passes on what is connected now, and nobody is told; new connections work."""
        for pair in self._pairs:
            self._silent.update(pair)

    def cut(self) -> None:
        """Everything is torn down, and nobody gets through."""
        self._is_up = False
        for pair in self._pairs:
            self._hang_up(*pair)

    def mend(self) -> None:
        """People get through again."""
        self._is_up = True

    def end(self) -> None:
        """Close everything."""
        self.cut()
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                if not self._is_up:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to_port))
                self._pairs.append((near, far))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if source not in self._silent:
                    sink.sendall(self._rewrite(data))
        if source not in self._silent:
            self._hang_up(source, sink)

    def _hang_up(self, *ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
