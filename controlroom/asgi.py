"""The ASGI application: pages and API over HTTP, the live feed over WebSocket."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlroom.settings")
http = get_asgi_application()  # loads the apps; the imports below need them

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from controlroom import intake  # noqa: E402
from runs.live.outlet import paced  # noqa: E402
from runs.live.routing import websocket_urlpatterns  # noqa: E402

websocket = paced(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
intake.bound()
application = ProtocolTypeRouter({"http": http, "websocket": websocket})
