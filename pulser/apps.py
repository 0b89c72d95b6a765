from __future__ import annotations

from django.apps import AppConfig

from pulser.language.patterns import find_patterns_by
from pulser.verifiers.matching import has_match


class PulserConfig(AppConfig):
    name = "pulser"
    verbose_name = "Plans"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """A pattern in a plan's schema may stop neither the web nor a worker."""
        find_patterns_by(has_match)
