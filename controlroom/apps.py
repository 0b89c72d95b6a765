from __future__ import annotations

from django.apps import AppConfig


class ControlroomConfig(AppConfig):
    name = "controlroom"
    verbose_name = "Control Room"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.conf import settings

        from controlroom import celery  # noqa: F401  (makes our Celery app the current one)
        from pulser.tools import python

        python.allow(settings.TOOL_SETTINGS["python_functions"])
