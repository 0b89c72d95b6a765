from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from controlroom.api.schemas import ArtifactPage
from runs.models import Artifact, Run, Step
from tests.controlroom.api.callers import Caller, problem_in, streamed
from tests.factories import start


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def keep(run: Run, name: str, content: bytes) -> Artifact:
    step = Step.objects.get(run=run)
    return Artifact.objects.create(
        run=run,
        step=step,
        attempt=1,
        name=name,
        media_type="text/html",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=ContentFile(content, name=name),
    )


def test_artifacts_are_listed_newest_first(viewer: Caller) -> None:
    run = start()
    for name in ("a.txt", "b.txt", "c.txt"):
        keep(run, name, b"x")
    first = viewer.get(f"/runs/{run.pk}/artifacts", limit=2).json()
    second = viewer.get(f"/runs/{run.pk}/artifacts", limit=2, cursor=first["next"]).json()
    assert [item["name"] for item in first["items"] + second["items"]] == ["c.txt", "b.txt", "a.txt"]
    ArtifactPage.model_validate(first)


def test_a_cursor_of_another_run_is_refused(viewer: Caller) -> None:
    run, other = start(), start()
    for name in ("a.txt", "b.txt"):
        keep(run, name, b"x")
    cursor = viewer.get(f"/runs/{run.pk}/artifacts", limit=1).json()["next"]
    problem_in(viewer.get(f"/runs/{other.pk}/artifacts", cursor=cursor), 422)


def test_content_is_a_download_that_no_browser_runs(viewer: Caller) -> None:
    run, content = start(), b"<script>alert(1)</script>" * 50_000
    artifact = keep(run, "übersicht.html", content)
    answer = viewer.get(f"/runs/{run.pk}/artifacts/{artifact.pk}/content")
    assert streamed(answer) == content
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''%C3%BCbersicht.html")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Length"] == str(len(content))


def test_content_that_is_not_there_answers_404(viewer: Caller) -> None:
    run, other = start(), start()
    artifact = keep(other, "a.txt", b"x")
    for number in (artifact.pk, 0, "x", "9" * 30):
        problem_in(viewer.get(f"/runs/{run.pk}/artifacts/{number}/content"), 404)
    artifact.content.storage.delete(str(artifact.content.name))
    problem_in(viewer.get(f"/runs/{other.pk}/artifacts/{artifact.pk}/content"), 404)
