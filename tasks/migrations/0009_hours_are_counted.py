"""How runs ended, hour by hour, is counted where they end: in the database. See RunHour."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# The duration as a step of a scale with four steps to each doubling.
STEP = """CASE WHEN {run}.status = 'completed' AND {run}.started_at IS NOT NULL THEN
    round(4 * ln(greatest(extract(epoch FROM {run}.completed_at - {run}.started_at)::float8, 0.001)) / ln(2::float8))
END::smallint"""

COUNT = f"""
CREATE FUNCTION task_run_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO task_hours (everybody, owner_id, hour, status, step, number, is_sum)
    SELECT everybody, CASE WHEN NOT everybody THEN NEW.owner_id END, date_trunc('hour', NEW.completed_at, 'UTC'),
        NEW.status, {STEP.format(run="NEW")}, 1, false
    FROM (VALUES (true), (false)) AS rows(everybody)
    WHERE everybody OR NEW.owner_id IS NOT NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER task_run_ended AFTER UPDATE ON background_tasks FOR EACH ROW
    WHEN (OLD.completed_at IS NULL AND NEW.completed_at IS NOT NULL)
    EXECUTE FUNCTION task_run_ended();
"""

# What has ended by now; a benchmark that stores runs as ended uses it, too.
COUNT_STORED = f"""
INSERT INTO task_hours (everybody, owner_id, hour, status, step, number, is_sum)
SELECT everybody, CASE WHEN NOT everybody THEN owner_id END, date_trunc('hour', completed_at, 'UTC'),
    status, {STEP.format(run="run")}, count(*), true
FROM background_tasks run, (VALUES (true), (false)) AS rows(everybody)
WHERE completed_at > now() - interval '25 hours' AND (everybody OR owner_id IS NOT NULL)
GROUP BY 1, 2, 3, 4, 5;
"""

COUNT_NO_MORE = """
DROP TRIGGER task_run_ended ON background_tasks;
DROP FUNCTION task_run_ended();
DELETE FROM task_hours;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0008_labels_have_a_default"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RunHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("everybody", models.BooleanField()),
                ("hour", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "step",
                    models.SmallIntegerField(
                        help_text="Of completed runs: 4 × log2 of the seconds, rounded.", null=True
                    ),
                ),
                ("number", models.BigIntegerField()),
                ("is_sum", models.BooleanField(default=False, help_text="What was summed up already.")),
                (
                    "owner",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "task_hours",
                "indexes": [
                    models.Index(
                        fields=["everybody", "owner", "hour"],
                        include=["status", "step", "number"],
                        name="task_hours_of_owner",
                    ),
                    models.Index(condition=models.Q(("is_sum", False)), fields=["id"], name="task_hours_to_sum_up"),
                ],
            },
        ),
        migrations.RunSQL(COUNT + COUNT_STORED, COUNT_NO_MORE),
    ]
