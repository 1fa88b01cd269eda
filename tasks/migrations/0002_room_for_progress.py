"""Progress rewrites the same row many times: room on its page lets Postgres do so without touching an index (HOT)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tasks", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE background_tasks SET (fillfactor = 60)",
            "ALTER TABLE background_tasks RESET (fillfactor)",
        )
    ]
