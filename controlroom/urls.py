"""Every address of the control room: pages, API, admin, health."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from controlroom.ops.health import healthz, readyz
from controlroom.ops.health_page import health
from controlroom.ops.metrics import metrics

admin.autodiscover()
handler400 = "controlroom.http.faults.unreadable"
handler403 = "controlroom.http.faults.not_allowed"
handler404 = "controlroom.http.faults.not_there"
handler500 = "controlroom.http.faults.broken"

urlpatterns = [
    path("", include("controlroom.web.pages.urls")),
    path("health", health, name="health"),
    path("login", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("api/", include("controlroom.api.urls")),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
