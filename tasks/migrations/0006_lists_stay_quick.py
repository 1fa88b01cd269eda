"""Indexes for the list's tabs and topics at a million runs; one that another one covers goes."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0005_runs_are_counted"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="taskrun",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="task_runs",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="taskrun",
            index=models.Index(
                condition=models.Q(("status__in", ["cancelled", "completed", "failed"])),
                fields=["status", "-created_at", "-id"],
                name="task_list_of_status",
            ),
        ),
        migrations.AddIndex(
            model_name="taskrun",
            index=models.Index(
                condition=models.Q(("status__in", ["cancelled", "completed", "failed"])),
                fields=["owner", "status", "-created_at", "-id"],
                name="task_list_of_owner_status",
            ),
        ),
        migrations.AddIndex(
            model_name="taskrun",
            index=models.Index(
                condition=models.Q(("topic", ""), _negated=True),
                fields=["topic", "-created_at", "-id"],
                name="task_list_of_topic",
            ),
        ),
    ]
