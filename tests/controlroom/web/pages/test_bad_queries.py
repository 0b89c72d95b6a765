"""Whatever stands behind the question mark, a page answers: with what it can show, or with what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from controlroom.web.pages.urls import urlpatterns
from fuzz.pages import BAD
from runs.models import Artifact, Run
from tests.runs.helpers import run_plan

SOURCE = """
pulser: 1
slug: odd
title: Odd
params: {type: object, properties: {n: {type: integer}, note: {type: string}}}
steps:
  - id: only
    uses: shell
    with: {run: "echo 'a,b' > table.csv"}
    artifacts: [{path: table.csv, kind: table}]
"""
NAMES = {
    "lists": "q status lane plan session environment trigger within since until archived view range saved after below"
    " before find a b",
    "runs": "at step attempt count from until before group text map unfold idle all name",
    "forms": "way start version drawn title lane session params p.n p.note.x p.. was:p how:p i:p has:p p",
}


@pytest.fixture
def run(db: None) -> Run:
    return run_plan(SOURCE, {"n": 1})


def pages(run: Run, kind: str) -> Iterator[str]:
    """The addresses of forms, of all else about a run, or of the rest; each may be asked for."""
    values: dict[str, Any] = {
        "run_id": run.pk,
        "artifact_id": Artifact.objects.get().pk,
        "key": "only",
        "seq": 2,
        "slug": "odd",
        "view_id": 1,
        "session_id": run.session_id,
        "lane_id": run.lane_id,
        "name": "lane",
    }
    for each in urlpatterns:
        name, asked = str(each.name), each.pattern.converters
        is_form = name in ("plan", "retry_run")
        if kind == ("forms" if is_form else "runs" if "run_id" in asked else "lists"):
            yield reverse(name, kwargs={key: values[key] for key in asked})


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("kind", NAMES)
def test_no_page_breaks_at_a_bad_query(run: Run, viewer: Client, kind: str, text: str) -> None:
    assert not broken(viewer, pages(run, kind), kind, text)


@pytest.mark.parametrize("text", ["before all dates", "half a character", "nested too deep"])
@pytest.mark.parametrize("kind", ["lists", "forms"])
def test_no_dialog_breaks_at_a_bad_query(run: Run, operator: Client, kind: str, text: str) -> None:
    assert not broken(operator, pages(run, kind), kind, BAD[text])


def broken(client: Client, addresses: Iterator[str], kind: str, text: str) -> list[str]:
    """The addresses that answer with an error of ours."""
    client.raise_request_exception = False
    query = urlencode([(name, text) for name in NAMES[kind].split()])
    asked = [f"{address}?{query}" for address in addresses]
    assert asked
    return [address for address in asked if client.get(address).status_code >= 500]
