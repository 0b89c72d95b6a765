"""Lists of runs by any of what they are narrowed to, and titles by their letters.

Each index in the order of time carries everything that lists are narrowed to. PostgreSQL's own trigrams are an
extension, which not every server has: `runs_grams` does the same in a few lines. With a million runs it takes a minute,
in which nothing can be written.
"""

import django.contrib.postgres.indexes
from django.db import migrations, models


# The pieces of three characters of a text, in capitals; and of each word the space before it with its first character.
GRAMS = """
CREATE OR REPLACE FUNCTION runs_grams(title text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    capitals CONSTANT text := upper(title);
    grams text[] := '{}';
BEGIN
    FOR place IN 1 .. length(capitals) - 1 LOOP
        IF place < length(capitals) - 1 THEN
            grams := grams || substr(capitals, place, 3);
        END IF;
        IF substr(capitals, place, 1) = ' ' THEN
            grams := grams || substr(capitals, place, 2);
        END IF;
    END LOOP;
    RETURN grams;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("pulser", "0001_initial"),
        ("runs", "0008_log_lines"),
    ]

    operations = [
        migrations.RunSQL(GRAMS, "DROP FUNCTION IF EXISTS runs_grams"),
        migrations.RemoveIndex(
            model_name="run",
            name="run_newest",
        ),
        migrations.RemoveIndex(
            model_name="run",
            name="run_lane_newest",
        ),
        migrations.RemoveIndex(
            model_name="run",
            name="run_status_newest",
        ),
        migrations.RemoveIndex(
            model_name="run",
            name="run_session_newest",
        ),
        migrations.RemoveIndex(
            model_name="run",
            name="run_plan_newest",
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["-created_at", "-id"],
                include=("lane", "status", "session", "plan_version", "environment", "trigger", "archived_at"),
                name="run_all_by_time",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["lane", "-created_at", "-id"],
                include=("status", "session", "plan_version", "environment", "trigger", "archived_at"),
                name="run_lane_by_time",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["status", "-created_at", "-id"],
                include=("lane", "session", "plan_version", "environment", "trigger", "archived_at"),
                name="run_status_by_time",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["session", "-created_at", "-id"],
                include=("lane", "status", "plan_version", "environment", "trigger", "archived_at"),
                name="run_session_by_time",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["plan_version", "-created_at", "-id"],
                include=("lane", "status", "session", "environment", "trigger", "archived_at"),
                name="run_plan_version_by_time",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["environment", "-created_at", "-id"],
                include=("lane", "status", "session", "plan_version", "trigger", "archived_at"),
                name="run_environment_by_time",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["trigger", "-created_at", "-id"],
                include=("lane", "status", "session", "plan_version", "environment", "archived_at"),
                name="run_trigger_by_time",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=django.contrib.postgres.indexes.GinIndex(
                models.Func(
                    models.Value(" "),
                    models.F("title"),
                    arg_joiner=" || ",
                    function="runs_grams",
                ),
                condition=models.Q(("finished_at__isnull", False)),
                gin_pending_list_limit=256,
                name="run_titles",
            ),
        ),
    ]
