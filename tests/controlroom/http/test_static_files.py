"""Styles and scripts: small on the wire, and never older than the page that names them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.test import Client

from bench.weight import Needed
from controlroom.http.static_files import OWN, _minified
from tests.factories import make_user

GZIP = {"HTTP_ACCEPT_ENCODING": "gzip, deflate, br"}


def test_a_script_comes_compressed(client: Client) -> None:
    answer = client.get(static("js/live.js"), **GZIP)
    assert (answer["Content-Type"], answer["Content-Encoding"]) == ("text/javascript", "gzip")
    assert answer["Vary"] == "Accept-Encoding"
    assert int(answer["Content-Length"]) == len(answer.content)
    assert b"new WebSocket" in gzip.decompress(answer.content)


def test_a_script_comes_plain_to_who_does_not_ask(client: Client) -> None:
    answer = client.get("/static/js/live.js")
    assert b"new WebSocket" in answer.content
    assert not answer.has_header("Content-Encoding")


def test_files_of_others_come_as_they_are(client: Client) -> None:
    found = finders.find("django_htmx/htmx-2.min.js")
    assert client.get(static("django_htmx/htmx-2.min.js")).content == Path(str(found)).read_bytes()


def test_a_browser_may_not_guess_the_type(client: Client) -> None:
    assert client.get(static("js/live.js"))["X-Content-Type-Options"] == "nosniff"


def test_several_styles_come_as_one(client: Client) -> None:
    address = static("css/tokens+base.css")
    assert address.startswith("/static/css/tokens+base.css?v=")
    both = client.get(address).content
    assert both == client.get("/static/css/tokens.css").content + b"\n" + client.get("/static/css/base.css").content


@pytest.mark.parametrize(
    "name",
    [
        "css/tokens+nothing.css",
        "css/tokens+.css",
        "css/" + "+".join(["tokens"] * 30) + ".css",
        "css/tokens+../../pyproject.css",
        "../pyproject.js",
        "css/..%2f..%2fmanage.js",
        "css",
        "js/nothing.js",
    ],
)
def test_what_is_not_there_is_not_found(client: Client, name: str) -> None:
    assert client.get(f"/static/{name}", **GZIP).status_code == 404


def test_a_file_that_is_not_there_has_a_plain_address() -> None:
    assert static("js/nothing.js") == "/static/js/nothing.js"


def test_an_address_that_names_the_content_is_kept_for_ever(client: Client) -> None:
    assert "immutable" in client.get(static("js/live.js"), **GZIP)["Cache-Control"]


@pytest.mark.parametrize("query", ["", "?v=000000000000", "?v="])
def test_another_address_is_asked_for_again_soon(client: Client, query: str) -> None:
    assert client.get(f"/static/js/live.js{query}", **GZIP)["Cache-Control"] == "max-age=60, public"


def test_what_the_browser_has_is_not_sent_again(client: Client) -> None:
    etag = client.get("/static/js/live.js", **GZIP)["ETag"]
    answer = client.get("/static/js/live.js", HTTP_IF_NONE_MATCH=etag, **GZIP)
    assert (answer.status_code, answer.content) == (304, b"")


def test_any_is_not_sent_to_who_has_one(client: Client) -> None:
    assert client.get("/static/js/live.js", HTTP_IF_NONE_MATCH="*").status_code == 304


@pytest.mark.parametrize("name", ["css/tokens+base.css", "js/live.js", "img/icon.svg"])
@pytest.mark.parametrize("headers", [{}, GZIP], ids=["plain", "gzip"])
def test_a_head_is_that_of_the_whole_without_a_body(client: Client, name: str, headers: dict[str, str]) -> None:
    whole, head = client.get(static(name), **headers), client.head(static(name), **headers)
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) == dict(whole.headers)


def test_a_head_of_what_the_browser_has_is_not_modified(client: Client) -> None:
    etag = client.head(static("css/tokens+base.css"), **GZIP)["ETag"]
    for ask in (client.get, client.head):
        answer = ask(static("css/tokens+base.css"), HTTP_IF_NONE_MATCH=f'"other", {etag}', **GZIP)
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)


def test_a_part_of_several_styles_is_all_of_them(client: Client) -> None:
    whole = client.get(static("css/tokens+base.css"))
    part = client.get(static("css/tokens+base.css"), HTTP_RANGE="bytes=0-9")
    assert (part.status_code, part.content) == (200, whole.content)


def test_a_part_of_a_file_is_a_part_of_the_file(client: Client) -> None:
    answer = client.get("/static/js/live.js", HTTP_RANGE="bytes=0-9", **GZIP)
    assert answer.status_code == 206
    assert b"".join(answer) == (OWN / "js/live.js").read_bytes()[:10]


def test_comments_and_indents_stay_at_home_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    script, style = tmp_path / "a.js", tmp_path / "a.css"
    script.write_text("// why\nlet a = 1;\n  // and\n  let url = 'http://b'; // kept\n")
    style.write_text("/* why\n   so */\n.a { color: red; } /* b */\n  .c { top: 0; }\n")
    assert _minified(script) == b"\nlet a = 1;\n\nlet url = 'http://b'; // kept\n"
    assert _minified(style) == b"\n\n.a { color: red; } \n.c { top: 0; }\n"


@pytest.mark.django_db
def test_the_board_needs_two_styles_and_at_most_four_scripts_of_its_own(client: Client) -> None:
    client.force_login(make_user("viewer"))
    needed = Needed()
    needed.feed(client.get("/").content.decode())
    assert len(needed.styles) == 2
    assert 0 < len(needed.own_scripts) <= 4


def test_every_style_that_a_page_names_is_there(client: Client) -> None:
    """One that is missing would take the others of its address with it."""
    templates = "".join(path.read_text() for path in (OWN.parent / "templates").rglob("*.html"))
    named = set(re.findall(r"static '((?:css|js)/[^']+)'", templates))
    assert "css/tokens+base+components.css" in named
    assert [name for name in sorted(named) if client.get(static(name)).status_code != 200] == []
