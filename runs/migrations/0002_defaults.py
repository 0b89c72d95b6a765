"""Lanes A to D and the default session exist from the start."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

LANES = "ABCD"


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for position, name in enumerate(LANES):
        apps.get_model("runs", "Lane").objects.get_or_create(name=name, defaults={"position": position})
    apps.get_model("runs", "Session").objects.get_or_create(name="default")


class Migration(migrations.Migration):
    dependencies = [("runs", "0001_initial")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
