from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from pytest_django import Settings

from runs.models import Artifact, Run
from tests.factories import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _storage(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def artifact_of(run: Run, name: str = "report.html", content: bytes = b"<script>alert(1)</script>") -> Artifact:
    return Artifact.objects.create(
        run=run,
        step=run.steps.get(),
        attempt=1,
        name=name,
        media_type="text/html",
        size=len(content),
        sha256="0" * 64,
        content=ContentFile(content, name=name),
    )


def test_an_artifact_is_a_download_and_never_a_page_of_ours(viewer: Client) -> None:
    artifact = artifact_of(make_run())
    answer = viewer.get(f"/runs/{artifact.run_id}/artifacts/{artifact.pk}")
    assert answer.getvalue() == b"<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="report.html"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_the_list_links_to_the_download(viewer: Client) -> None:
    artifact = artifact_of(make_run())
    html = viewer.get(f"/runs/{artifact.run_id}/artifacts").content.decode()
    assert f'href="/runs/{artifact.run_id}/artifacts/{artifact.pk}"' in html


def test_an_artifact_is_found_under_its_own_run_only(viewer: Client) -> None:
    artifact, other = artifact_of(make_run()), make_run()
    assert viewer.get(f"/runs/{other.pk}/artifacts/{artifact.pk}").status_code == 404


def test_a_stranger_downloads_nothing(stranger: Client) -> None:
    artifact = artifact_of(make_run())
    assert stranger.get(f"/runs/{artifact.run_id}/artifacts/{artifact.pk}").status_code == 404


def test_a_file_that_the_storage_lost_is_not_found(viewer: Client) -> None:
    artifact = artifact_of(make_run())
    Path(artifact.content.path).unlink()
    assert viewer.get(f"/runs/{artifact.run_id}/artifacts/{artifact.pk}").status_code == 404
