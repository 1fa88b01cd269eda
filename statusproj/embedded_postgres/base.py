"""The engine Django loads for `ENGINE = "statusproj.embedded_postgres"`: PostgreSQL whose server we start."""

import atexit
from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base

from .server import EmbeddedServer


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's PostgreSQL wrapper, pointed at the embedded server the moment a connection is wanted.

    `settings_dict["OPTIONS"]["data_dir"]` names the folder that holds the cluster.
    """

    def get_connection_params(self) -> dict[str, Any]:
        """Parameters for psycopg; starts the server when nobody runs it yet."""
        params = super().get_connection_params()
        data_dir = Path(params.pop("data_dir"))
        params["host"] = str(EmbeddedServer.of(data_dir).ensure_running())
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection from Django's pool, which is closed before our server stops at the process's end."""
        if self.alias not in _closes_at_exit:
            _closes_at_exit.add(self.alias)
            # Handlers run last in, first out: the one that stops the server was registered before.
            atexit.register(self.close_pool)
        return super().get_new_connection(conn_params)


_closes_at_exit: set[str] = set()
