"""The ASGI application of the server in tests: the project's, with the sockets of the tests."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.live.server_settings"

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

_http = get_asgi_application()

from tests.live.sockets import application as _sockets  # noqa: E402

application = ProtocolTypeRouter({"http": _http, "websocket": _sockets})
