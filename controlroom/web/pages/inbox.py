"""The inbox: what waits for the viewer's decision, in one list, with the buttons that decide."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from controlroom.web.pages.access import PageRequest, for_viewers
from controlroom.web.pages.responses import render_page
from runs.queries.inbox import SHOWN_MAX, count_questions, questions

COUNTED_MAX = 99


@for_viewers
def inbox(request: PageRequest) -> HttpResponse:
    return render_page(request, "runs/inbox.html", here="inbox", **_context(request))


@for_viewers
def inbox_list(request: PageRequest) -> HttpResponse:
    """The list alone, as it is now."""
    return answer_list(request)


@for_viewers
def inbox_count(request: PageRequest) -> HttpResponse:
    """How many there are, for the badge; nothing when there are none."""
    count = count_questions(request.actor, most=COUNTED_MAX + 1)
    if not count:
        return HttpResponse()
    return render(request, "runs/_inbox_count.html", {"count": count, "most": COUNTED_MAX})


def answer_list(request: PageRequest) -> HttpResponse:
    response = render(request, "runs/_inbox_list.html", _context(request))
    response["HX-Trigger"] = "inbox-changed"  # for the number in the bar
    return response


def _context(request: PageRequest) -> dict[str, Any]:
    found = list(questions(request.actor)[: SHOWN_MAX + 1])
    return {"questions": found[:SHOWN_MAX], "has_more": len(found) > SHOWN_MAX, "most": SHOWN_MAX}
