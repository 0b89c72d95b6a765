"""The ASGI application: pages and API over HTTP, the live feed over WebSocket."""

from __future__ import annotations

import gc
import os

from django.urls import get_resolver

from controlroom import database
from controlroom.http.handler import one_thread_application

database.serve_web()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlroom.settings")
http = one_thread_application()  # loads the apps; the imports below need them

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from controlroom.http import request_limits  # noqa: E402
from controlroom.web.live.backpressure import with_backpressure  # noqa: E402
from controlroom.web.live.routing import websocket_urlpatterns  # noqa: E402

websocket = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
request_limits.limit_requests()
application = with_backpressure(ProtocolTypeRouter({"http": http, "websocket": websocket}))

# What is loaded by now stays: the collector need not look through it again and again, which would hold up a page in
# every dozen for a tenth of a second.
get_resolver().url_patterns  # noqa: B018  (they load all views)
gc.collect()
gc.freeze()
