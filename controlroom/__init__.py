"""The project that assembles the control room: settings, urls, ASGI, Celery, command line, embedded stack."""

__version__ = "0.1.0"
