from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from pytest_django import Settings

from runs.models import Artifact, Run
from tests.controlroom.api.callers import streamed
from tests.factories import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _storage(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


HTML = b"<script>alert(1)</script>"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x01" + b"\0" * 32
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def artifact_of(run: Run, name: str = "report.html", content: bytes = HTML, *, kind: str = "file") -> Artifact:
    return Artifact.objects.create(
        run=run,
        step=run.steps.get(),
        attempt=1,
        name=name,
        kind=kind,
        media_type="text/html",
        size=len(content),
        sha256="0" * 64,
        content=ContentFile(content, name=name),
    )


def test_an_artifact_is_a_download_and_never_a_page_of_ours(viewer: Client) -> None:
    artifact = artifact_of(make_run())
    answer = viewer.get(f"/runs/{artifact.run_id}/artifacts/{artifact.pk}")
    assert streamed(answer) == HTML
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8", "whatever it calls itself"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="report.html"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_the_list_links_to_the_download(viewer: Client) -> None:
    artifact = artifact_of(make_run())
    html = viewer.get(f"/runs/{artifact.run_id}/artifacts").content.decode()
    assert f'href="/runs/{artifact.run_id}/artifacts/{artifact.pk}"' in html


def test_its_own_page_shows_the_whole_digest(viewer: Client) -> None:
    artifact = artifact_of(make_run())
    html = viewer.get(f"/runs/{artifact.run_id}/artifacts/{artifact.pk}/view").content.decode()
    assert f"<code>{artifact.sha256}</code>" in html


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


PATHS = ("", "/view", "/preview", "/image")


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_sees_nothing_of_an_artifact(stranger: Client, path: str) -> None:
    artifact = artifact_of(make_run(), "a.png", PNG, kind="image")
    assert stranger.get(f"/runs/{artifact.run_id}/artifacts/{artifact.pk}{path}").status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_nobody_sees_anything_without_signing_in(client: Client, db: None, path: str) -> None:
    artifact = artifact_of(make_run())
    answer = client.get(f"/runs/{artifact.run_id}/artifacts/{artifact.pk}{path}")
    assert (answer.status_code, "/login" in answer.headers["Location"]) == (302, True)


def test_an_image_is_served_sealed_with_the_type_that_it_has(viewer: Client) -> None:
    artifact = artifact_of(make_run(), "photo.jpg", PNG, kind="image")
    answer = viewer.get(f"/runs/{artifact.run_id}/artifacts/{artifact.pk}/image")
    assert (streamed(answer), answer.headers["Content-Type"]) == (PNG, "image/png")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("content", [HTML, b"<html><svg/></html>", b"%PDF-1.4\0", b""])
def test_what_is_no_image_is_not_served_as_one(viewer: Client, content: bytes) -> None:
    artifact = artifact_of(make_run(), "photo.png", content, kind="image")
    assert viewer.get(f"/runs/{artifact.run_id}/artifacts/{artifact.pk}/image").status_code == 404


def preview_of(viewer: Client, artifact: Artifact, path: str = "preview") -> str:
    answer = viewer.get(f"/runs/{artifact.run_id}/artifacts/{artifact.pk}/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("kind", "content", "shown"),
    [
        ("markdown", b"# Good *news*\n\n<script>alert(1)</script>", "<h3>Good <em>news</em></h3>"),
        ("table", b"name,n\n<b>ada</b>,1\n", '<td>&lt;b&gt;ada&lt;/b&gt;</td><td class="number">1</td>'),
        ("image", PNG, "/image"),
        ("image", SVG, '<img src="/runs/'),
        ("image", HTML, "Not an image."),
        ("diff", b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-<i>a\n+<i>b\n", "&lt;i&gt;<mark>a</mark>"),
        ("link", b"https://e.org/<b>\njavascript:alert(1)", "host: e.org"),
        ("file", HTML, "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("file", b"\0\1", "No preview for this file type"),
    ],
)
@pytest.mark.parametrize("path", ["preview", "view"])
def test_each_kind_is_shown_and_escaped(viewer: Client, path: str, kind: str, content: bytes, shown: str) -> None:
    html = preview_of(viewer, artifact_of(make_run(), "<it>", content, kind=kind), path)
    assert shown in html
    assert "<script>alert" not in html and "<it>" not in html and "<svg xmlns=" not in html
    assert 'href="javascript' not in html


def test_a_preview_says_what_the_file_is(viewer: Client) -> None:
    artifact = artifact_of(make_run(), "a.txt", b"hi")
    html = preview_of(viewer, artifact)
    assert 'title="SHA-256 ' + "0" * 64 in html
    assert 'data-copies="' + "0" * 64 in html
    assert f'href="/runs/{artifact.run_id}#step-greet"' in html


def test_a_preview_of_a_lost_file_says_that_it_is_gone(viewer: Client) -> None:
    artifact = artifact_of(make_run(), "a.png", PNG, kind="image")
    Path(artifact.content.path).unlink()
    assert "The content of this file was deleted" in preview_of(viewer, artifact)
    assert viewer.get(f"/runs/{artifact.run_id}/artifacts/{artifact.pk}/image").status_code == 404


def test_an_artifact_is_found_by_its_step_attempt_and_name(viewer: Client) -> None:
    artifact = artifact_of(make_run(), "a b.txt", b"hi")
    asked = {"step": "greet", "attempt": "1", "name": "a b.txt"}
    answer = viewer.get(f"/runs/{artifact.run_id}/artifacts/named", asked)
    assert answer.headers["Location"] == f"/runs/{artifact.run_id}/artifacts/{artifact.pk}/view"


@pytest.mark.parametrize("wrong", [{"attempt": "2"}, {"attempt": "x"}, {"attempt": ""}, {"name": "\0"}, {"step": "no"}])
def test_an_artifact_that_is_not_there_is_not_found(viewer: Client, wrong: dict[str, str]) -> None:
    run = artifact_of(make_run(), "a.txt", b"hi").run
    asked = {"step": "greet", "attempt": "1", "name": "a.txt"} | wrong
    assert viewer.get(f"/runs/{run.pk}/artifacts/named", asked).status_code == 404


def test_a_run_without_files_says_so(viewer: Client) -> None:
    assert "No artifacts yet" in viewer.get(f"/runs/{make_run().pk}/artifacts").content.decode()
    ended = make_run(status="success")
    assert "No artifacts" in viewer.get(f"/runs/{ended.pk}/artifacts").content.decode()


def test_of_very_many_files_the_first_are_listed_and_all_on_demand(viewer: Client) -> None:
    run = make_run()
    step = run.steps.get()
    Artifact.objects.bulk_create(
        Artifact(run=run, step=step, attempt=1, name=f"{number}.txt", size=1, sha256="0" * 64, content="x")
        for number in range(250)
    )
    first = viewer.get(f"/runs/{run.pk}/artifacts").content.decode()
    assert (first.count('class="artifact"'), "Show all 250" in first) == (200, True)
    every = viewer.get(f"/runs/{run.pk}/artifacts?all=1").content.decode()
    assert (every.count('class="artifact"'), "Show all" in every) == (250, False)
