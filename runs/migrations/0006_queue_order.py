from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pulser", "0001_initial"),
        ("runs", "0005_indexes"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="run", name="run_queue"),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("status", "queued")),
                fields=["lane", "-priority", "started_at", "queued_at", "id"],
                name="run_queue",
            ),
        ),
        migrations.RemoveIndex(model_name="step", name="step_open"),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                condition=models.Q(("status__in", ["backoff", "queued", "running", "waiting"])),
                fields=["run", "status"],
                name="step_busy",
            ),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                condition=models.Q(("status", "queued")), fields=["run", "position"], name="step_claims"
            ),
        ),
        # The column stays for one version: workers of the one before still write it while they are being replaced.
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name="run", name="held_at")],
        ),
    ]
