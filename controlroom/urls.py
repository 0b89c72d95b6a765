"""Every address of the control room: pages, API, admin, health."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from controlroom.health import healthz, readyz
from controlroom.health_page import health
from controlroom.metrics import metrics

admin.autodiscover()
handler400 = "controlroom.faults.unreadable"
handler403 = "controlroom.faults.not_allowed"
handler404 = "controlroom.faults.not_there"
handler500 = "controlroom.faults.broken"

urlpatterns = [
    path("", include("runs.views.urls")),
    path("health", health, name="health"),
    path("login", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("api/", include("runs.api.urls")),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
