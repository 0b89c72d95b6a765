"""The index of what has ended carries what timelines are narrowed to. With a million runs it takes a second or two, in
which nothing can be written.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pulser", "0001_initial"),
        ("runs", "0009_board_indexes"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="run",
            name="run_ended",
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", False)),
                fields=["finished_at", "id"],
                include=(
                    "lane",
                    "status",
                    "session",
                    "plan_version",
                    "environment",
                    "trigger",
                    "archived_at",
                    "created_at",
                ),
                name="run_ended",
            ),
        ),
    ]
