"""The engine Django loads for `ENGINE = "statusproj.embedded_postgres"`: plain PostgreSQL whose server we start ourselves."""

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
