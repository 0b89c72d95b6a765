"""Settings, in the order of Django's documentation. What differs between machines comes from the environment."""

from __future__ import annotations

import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from controlroom.database import django_database, is_web
from controlroom.durations import env_duration
from controlroom.env import data_dir, db_pool, env_bool, env_int, env_list, env_map, env_str

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = data_dir()

# Core
DEBUG = env_bool("CONTROLROOM_DEBUG", default=False)
SECRET_KEY = env_str("CONTROLROOM_SECRET_KEY", default="")
ALLOWED_HOSTS = env_list("CONTROLROOM_HOSTS", default=["127.0.0.1", "localhost", "[::1]", "testserver"])
ROOT_URLCONF = "controlroom.urls"
ASGI_APPLICATION = "controlroom.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # each call has a smaller bound of its own, and its own clear error
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000  # a thousand ticked runs, and what goes with them

# Daphne and ninja are used, and not listed: that would load them into every worker.
NINJA_DIR = Path(str(find_spec("ninja").origin)).parent  # type: ignore[union-attr]  # find_spec does not import it
INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",  # urls.py looks for the models' admins: only web serves them
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "channels",
    "django_htmx",
    "pulser",
    "runs",
    "runs.accounts",
    "controlroom",
    "controlroom.web",
]

MIDDLEWARE = [
    "controlroom.http.compression.CompressionMiddleware",
    "controlroom.http.static_files.StaticFilesMiddleware",  # before the policies: some styles weigh less
    "django.middleware.security.SecurityMiddleware",
    "controlroom.http.csp.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates", NINJA_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Database: a bounded pool where threads share a process (web), one connection a thread elsewhere (workers).
DATABASE_URL = env_str("DATABASE_URL", default="postgresql:///controlroom")
DATABASES = {"default": django_database(DATABASE_URL, pool=db_pool() if is_web() else 0)}

# Redis: hints, and Celery's messages. Everything in it may be lost at any time.
REDIS_URL = env_str("REDIS_URL", default="redis://127.0.0.1:6379/0")
BROKER_URL = env_str("CONTROLROOM_BROKER_URL", default=REDIS_URL)

# Auth
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "board"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_COOKIE_NAME = f"controlroom-{env_int('CONTROLROOM_PORT', default=8000)}"  # ports do not tell cookies apart
CSRF_COOKIE_NAME = f"{SESSION_COOKIE_NAME}-csrf"
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "controlroom.http.error_pages.csrf_failure"
CSRF_TRUSTED_ORIGINS = env_list("CONTROLROOM_ORIGINS", default=[])

# Time and language
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# Files
STATIC_URL = "/static/"
STATIC_ROOT = env_str("CONTROLROOM_STATIC_ROOT") or None  # where `collectstatic` would put copies; none are needed
STATICFILES_DIRS = [BASE_DIR / "static", NINJA_DIR / "static"]  # the latter: scripts and styles of /api/docs
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "controlroom.http.static_files.VersionedStorage"},
}


def is_news(record: logging.LogRecord) -> bool:
    """Not being ready is an answer of /readyz, and no error."""
    return getattr(record, "status_code", None) != 503


# Logs: one line an event, on stderr; the supervisor adds who said it.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"news": {"()": "django.utils.log.CallbackFilter", "callback": is_news}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "controlroom": {"level": "INFO"},
        "runs": {"level": "INFO"},
        "pulser": {"level": "INFO"},
        "daphne": {"level": "WARNING"},
        "django.request": {"level": "ERROR", "filters": ["news"]},
    },
}

# The control room
CONTROLROOM_API_TOKEN = env_str("CONTROLROOM_API_TOKEN", default="")
CONTROLROOM_METRICS_TOKEN = env_str("CONTROLROOM_METRICS_TOKEN", default="")
WORK_DIR = DATA_DIR / "work"
CONTROLROOM_BACKLOG = env_int("CONTROLROOM_BACKLOG", default=10_000, minimum=1)  # runs that may be queued; then 429
KEEP_S = env_duration("CONTROLROOM_KEEP", default=None)  # what ended; None: for ever
KEEP_WORK_S = env_duration("CONTROLROOM_KEEP_WORK", default=86_400.0)  # workspaces, after the run's end
# What `controlroom up` leaves a worker between SIGTERM and SIGKILL (10 s) must be enough to end a tool and say so.
HAND_BACK_AFTER_S = env_int("CONTROLROOM_HAND_BACK_AFTER", default=6, minimum=0)
TOOL_SETTINGS = {
    "python_functions": [
        "controlroom.demo.functions:*",
        "runs.bulk.work:carry_out",
        "runs.bulk.work:take_back",
        *env_list("CONTROLROOM_PYTHON_FUNCTIONS", default=[]),
    ],
    "http_allow": env_list("CONTROLROOM_HTTP_ALLOW", default=[]),
    # Never our own database: whoever may write a plan could write its log.
    "databases": env_map("CONTROLROOM_SQL_DATABASES"),
    "path": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
}
