"""The tokens move here from `runs`: only Django's picture of them changes, their table stays as it is."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


def rename_content_type(apps, schema_editor):
    """Permissions and the admin's history refer to the content type: they come along."""
    content_types = apps.get_model("contenttypes", "ContentType").objects
    if not content_types.filter(app_label="accounts", model="apitoken").exists():
        content_types.filter(app_label="runs", model="apitoken").update(app_label="accounts")


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("contenttypes", "0002_remove_content_type_name"),
        ("runs", "0011_rest"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="ApiToken",
                    fields=[
                        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                        ("name", models.CharField(max_length=100)),
                        ("role", models.CharField(choices=[("viewer", "viewer"), ("operator", "operator"), ("admin", "admin")], default="operator", max_length=20)),
                        ("prefix", models.CharField(help_text="The first characters, to tell tokens apart", max_length=12)),
                        ("digest", models.CharField(max_length=64, unique=True)),
                        ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ("expires_at", models.DateTimeField(blank=True, null=True)),
                        ("last_used_at", models.DateTimeField(blank=True, null=True)),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                        ("created_by", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                    ],
                    options={"verbose_name": "API token", "db_table": "runs_apitoken", "ordering": ["-created_at"]},
                ),
            ],
        ),
        migrations.RunPython(rename_content_type, migrations.RunPython.noop),
    ]
