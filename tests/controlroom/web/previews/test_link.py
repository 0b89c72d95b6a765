from __future__ import annotations

import pytest

from controlroom.web.previews.link import LINKS, Link, show
from runs.queries.artifact_content import FileHead


def links(content: bytes) -> list[Link]:
    found: list[Link] = show(FileHead(content, True, len(content))).value
    return found


def test_each_line_is_a_link_and_tells_its_host() -> None:
    assert links(b"https://e.org/a?b#c\n\n  http://f.org:8080/  \n") == [
        Link("https://e.org/a?b#c", "e.org"),
        Link("http://f.org:8080/", "f.org"),
    ]


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//e.org",
        "/logout",
        "https://",
        "https://bank.org@evil.org/",
        "https://e.org\\@evil.org",
        "https://e.org/a b",
        "https://[bad",
        "https://e.org:99999999/",
        "https://e.org/\u202egnp.exe",
        "https://e.org/" + "x" * 3_000,
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    (link,) = links(address.encode())

    assert link.host == ""


def test_more_than_a_screenful_of_links_is_cut() -> None:
    found = show(FileHead(b"https://e.org\n" * 50, True, 700))

    assert (len(found.value), found.notes) == (LINKS, (f"The first {LINKS} links.",))
