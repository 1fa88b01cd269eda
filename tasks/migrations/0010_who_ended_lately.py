"""What ended a moment ago is found by its own index, and not among all runs of those who watch."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # nobody waits while the index is built

    dependencies = [("tasks", "0009_hours_are_counted")]

    operations = [
        AddIndexConcurrently(
            model_name="taskrun",
            index=models.Index(
                condition=models.Q(("completed_at__isnull", False)), fields=["-completed_at"], name="task_ended"
            ),
        ),
    ]
