from __future__ import annotations

from django.apps import AppConfig


class PulserConfig(AppConfig):
    name = "pulser"
    verbose_name = "Plans"
    default_auto_field = "django.db.models.BigAutoField"
