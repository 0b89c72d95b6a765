"""How long a run rested between an end and a retry. Runs retried before have 0, and keep the length they had."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0010_time_line"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="rested_s",
            field=models.FloatField(
                db_default=0.0, default=0.0, help_text="Seconds between an end and a retry: it did not run then"
            ),
        ),
    ]
