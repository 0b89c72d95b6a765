"""A worker's watchdog: which process has an attempt in hand, and when a worker last had no slot free."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0003_retention")]
    operations = [
        migrations.AddField(
            model_name="attempt",
            name="process",
            field=models.IntegerField(blank=True, help_text="The worker's own, which calls the tool", null=True),
        ),
        migrations.AddField(
            model_name="worker",
            name="full_at",
            field=models.DateTimeField(blank=True, help_text="When all its slots were last seen busy", null=True),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="cause",
            field=models.CharField(
                default="first", help_text="first, retry, lost, handed_back, button, approved", max_length=30
            ),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="outcome",
            field=models.CharField(
                blank=True, help_text="success, error, lost, handed_back, cancelled", max_length=20
            ),
        ),
        migrations.AlterField(
            model_name="worker",
            name="answered_at",
            field=models.DateTimeField(
                blank=True, help_text="Last message that came through the step queue", null=True
            ),
        ),
    ]
