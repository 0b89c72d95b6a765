"""Indexes by which old runs and deliveries are found, so that pruning reads what goes and nothing else."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('pulser', '0001_initial'),
        ('runs', '0002_defaults'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('run', None)), fields=['received_at'], name='delivery_without_run'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('finished_at__isnull', False)), fields=['finished_at', 'id'], name='run_ended'),
        ),
    ]
