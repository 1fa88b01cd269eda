"""The client of statusproj: row, event, frame and ticket for each run, a notification for its owner."""

import os

from benchmarks.contestants.orders import Client


def main() -> None:
    """Serve. The worker is `manage.py worker`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")
    import django

    django.setup()
    from django.contrib.auth.models import User

    from benchmarks.contestants.our_tasks import start
    from tasks.manager import create_tasks

    owner, _ = User.objects.get_or_create(username="bench")
    Client(
        start.using(owner=owner).enqueue,
        lambda number: create_tasks(start, ({} for _ in range(number)), owner=owner),
    ).serve()


if __name__ == "__main__":
    main()
