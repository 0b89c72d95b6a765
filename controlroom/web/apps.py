from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Gives Django the template tags and the admin."""

    name = "controlroom.web"
    label = "web"
