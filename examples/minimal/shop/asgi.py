"""What the server runs: Django's application, with sockets beside it."""

import os

from tasks.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_asgi_application()
