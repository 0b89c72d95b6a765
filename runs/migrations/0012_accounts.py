"""The tokens have moved to the app `accounts`; nothing changes in the database."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("runs", "0011_rest")]

    operations = [migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="ApiToken")])]
