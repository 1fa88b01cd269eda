"""The ASGI application: pages and API for HTTP, consumers for sockets. Runs under Daphne and uvicorn alike."""

import os

from tasks.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")
application = get_asgi_application()
