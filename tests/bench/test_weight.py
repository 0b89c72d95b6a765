from __future__ import annotations

from bench.weight import Needed

PAGE = """
<link rel="icon" href="/icon.svg"><link rel="stylesheet" href="/a.css"><link href="/b.css" rel="stylesheet">
<script src="/static/django_htmx/htmx.js"></script><script src="/static/js/ui.js" defer></script>
<script>let inline</script>
"""


def test_a_first_paint_needs_styles_and_scripts() -> None:
    needed = Needed()
    needed.feed(PAGE)
    assert needed.styles == ["/a.css", "/b.css"]
    assert needed.scripts == ["/static/django_htmx/htmx.js", "/static/js/ui.js"]
    assert needed.own_scripts == ["/static/js/ui.js"]
