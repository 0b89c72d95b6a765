from __future__ import annotations

from django.apps import AppConfig

from pulser.language.patterns import set_pattern_matcher
from pulser.verifiers.matching import has_match


class PulserConfig(AppConfig):
    name = "pulser"
    verbose_name = "Plans"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """A pattern in a plan's schema may stop neither the web nor a worker."""
        set_pattern_matcher(has_match)
