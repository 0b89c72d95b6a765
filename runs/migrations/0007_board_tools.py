"""Saved views, who paused a lane and when, and how far a step says that it is."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0006_queue_order'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='lane',
            name='paused_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='lane',
            name='paused_by',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.AddField(
            model_name='step',
            name='progress_done',
            field=models.BigIntegerField(blank=True, help_text='Of its latest attempt, where it says so', null=True),
        ),
        migrations.AddField(
            model_name='step',
            name='progress_total',
            field=models.BigIntegerField(blank=True, help_text='How much there is to do in all', null=True),
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('query', models.TextField(blank=True, help_text='What stands behind the question mark, always in the same order')),
                ('is_shared', models.BooleanField(default=False, help_text='Everybody sees it')),
                ('is_default', models.BooleanField(default=False, help_text="What its owner's board opens with")),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name', 'pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('owner', 'name'), name='saved_view_name_once_per_owner'), models.UniqueConstraint(condition=models.Q(('deleted_at', None), ('is_default', True)), fields=('owner',), name='saved_view_one_default_per_owner'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='saved_view_has_a_name')],
            },
        ),
    ]
