"""Every address of the control room: pages, API, admin, health."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from controlroom.ops.health import healthz, readyz
from controlroom.ops.health_page import health
from controlroom.ops.metrics import metrics

admin.autodiscover()
handler400 = "controlroom.http.error_pages.bad_request"
handler403 = "controlroom.http.error_pages.permission_denied"
handler404 = "controlroom.http.error_pages.page_not_found"
handler500 = "controlroom.http.error_pages.server_error"

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
