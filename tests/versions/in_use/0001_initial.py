"""A migration that wants a table for itself, and changes nothing."""

from django.db import migrations


class Migration(migrations.Migration):
    """What ALTER TABLE asks for."""

    initial = True
    dependencies = [("tasks", "0001_initial")]
    operations = [
        migrations.RunSQL("LOCK TABLE background_tasks IN ACCESS EXCLUSIVE MODE", migrations.RunSQL.noop),
    ]
