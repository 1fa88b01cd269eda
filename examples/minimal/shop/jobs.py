"""What takes long, and runs in the background."""

import time

from django.tasks import task


@task(takes_context=True, title="Count the stock")
def count_stock(context, shelves):
    for _shelf in context.progress.track(range(shelves), total=shelves, stage="counting"):
        time.sleep(0.2)
    return {"shelves": shelves}
