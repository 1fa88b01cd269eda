"""What the fork server loads before it makes the first child: Django, set up, with no connection open, and the
modules of the setting TASKS_PRELOAD. There is one fork server per process, so whoever starts it loads this.
"""

import logging
from importlib import import_module

import django
from django.apps import apps

from live.tracing import postpone_set_up

from .conf import conf

postpone_set_up()
try:
    if not apps.ready:
        django.setup()
    for name in conf.TASKS_PRELOAD:
        import_module(name)
except Exception:
    # The children would meet the same trouble, and can tell somebody.
    logging.getLogger(__name__).exception("Django could not be set up in the fork server")
