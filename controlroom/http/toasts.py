"""Short messages beside an answer, in the header `X-Toast`; `static/js/ui.js` shows them."""

from __future__ import annotations

import json

from django.http import HttpResponse


def with_toast(response: HttpResponse, text: str, *, undo: str = "", href: str = "", link: str = "") -> HttpResponse:
    """Shows a short message; `undo`: the url that a POST takes it back with; `href` leads on, by the word `link`."""
    more = {"href": href, "link": link} if href else {}
    return set_toast(response, text=text, undo=undo, **more)


def set_toast(response: HttpResponse, **toast: str) -> HttpResponse:
    """A header holds ASCII only, which JSON's escapes are. `tone`: `refused` for what did not happen."""
    response["X-Toast"] = json.dumps(toast)
    return response
