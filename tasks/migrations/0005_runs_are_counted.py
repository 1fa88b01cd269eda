"""Runs are counted where they change: in the database, by whoever changes them. See RunCount."""

from django.db import migrations, models

# A statement that makes or deletes many runs leaves one change for each owner and status. An update changes the count
# of few, and most updates (progress) of none: those must cost nothing, so the row decides before anything is called.
COUNT = """
CREATE FUNCTION task_runs_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO task_counts (owner_id, status, number, is_sum)
    SELECT owner_id, status, count(*), false FROM made GROUP BY owner_id, status;
    RETURN NULL;
END $$;

CREATE FUNCTION task_runs_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO task_counts (owner_id, status, number, is_sum)
    SELECT owner_id, status, -count(*), false FROM deleted GROUP BY owner_id, status;
    RETURN NULL;
END $$;

CREATE FUNCTION task_run_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO task_counts (owner_id, status, number, is_sum)
    VALUES (OLD.owner_id, OLD.status, -1, false), (NEW.owner_id, NEW.status, 1, false);
    RETURN NULL;
END $$;

CREATE FUNCTION task_runs_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE task_counts IN SHARE ROW EXCLUSIVE MODE;  -- what is being summed up right now must be seen
    DELETE FROM task_counts;
    RETURN NULL;
END $$;

CREATE TRIGGER task_runs_made AFTER INSERT ON background_tasks
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION task_runs_made();
CREATE TRIGGER task_runs_deleted AFTER DELETE ON background_tasks
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION task_runs_deleted();
CREATE TRIGGER task_run_moved AFTER UPDATE ON background_tasks FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.owner_id IS DISTINCT FROM NEW.owner_id)
    EXECUTE FUNCTION task_run_moved();
CREATE TRIGGER task_runs_truncated AFTER TRUNCATE ON background_tasks
    FOR EACH STATEMENT EXECUTE FUNCTION task_runs_truncated();

INSERT INTO task_counts (owner_id, status, number, is_sum)
SELECT owner_id, status, count(*), true FROM background_tasks GROUP BY owner_id, status;
"""

COUNT_NO_MORE = """
DROP TRIGGER task_runs_made ON background_tasks;
DROP TRIGGER task_runs_deleted ON background_tasks;
DROP TRIGGER task_run_moved ON background_tasks;
DROP TRIGGER task_runs_truncated ON background_tasks;
DROP FUNCTION task_runs_made(), task_runs_deleted(), task_run_moved(), task_runs_truncated();
DELETE FROM task_counts;
"""


class Migration(migrations.Migration):
    dependencies = [("tasks", "0004_lanes_search_workers")]

    operations = [
        migrations.AddField(
            model_name="runcount",
            name="is_sum",
            field=models.BooleanField(default=False, help_text="What was summed up already."),
        ),
        migrations.AddIndex(
            model_name="runcount",
            index=models.Index(condition=models.Q(("is_sum", False)), fields=["id"], name="task_counts_to_sum_up"),
        ),
        migrations.RunSQL(COUNT, COUNT_NO_MORE),
    ]
