"""Indexes that others begin with are dropped: each write paid for them. Counting what the board shows gets its own."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('pulser', '0001_initial'),
        ('runs', '0004_watchdog'),
    ]

    operations = [
        migrations.AlterField(
            model_name='attempt',
            name='step',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='runs.step'),
        ),
        # Django takes the partial unique index on the same column for the one that is to go, and drops both.
        migrations.RunSQL(
            "CREATE UNIQUE INDEX IF NOT EXISTS attempt_open_once_per_step ON runs_attempt (step_id)"
            " WHERE finished_at IS NULL",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name='event',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='runs.run'),
        ),
        migrations.AlterField(
            model_name='logchunk',
            name='attempt',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='log', to='runs.attempt'),
        ),
        migrations.AlterField(
            model_name='proof',
            name='step',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='proofs', to='runs.step'),
        ),
        migrations.AlterField(
            model_name='run',
            name='lane',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='runs.lane'),
        ),
        migrations.AlterField(
            model_name='run',
            name='plan_version',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='pulser.planversion'),
        ),
        migrations.AlterField(
            model_name='run',
            name='session',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='runs.session'),
        ),
        migrations.AlterField(
            model_name='step',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='runs.run'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('archived_at', None)), fields=['status'], name='run_tally'),
        ),
    ]
