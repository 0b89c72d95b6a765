from __future__ import annotations

import time

import pytest

from controlroom.web.templatetags.markdown import RENDERED_CHARS, markdown, plain

OUTWARD = 'rel="noopener noreferrer nofollow" target="_blank"'


def test_markdown_becomes_html_below_the_headings_of_the_page() -> None:
    assert markdown("# One\n\n*two* `three`") == "<h3>One</h3>\n<p><em>two</em> <code>three</code></p>\n"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java&#115;cript:alert(1))",
        "[x](vbscript:x)",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<javascript:alert(1)>",
        "![x](javascript:alert(1))",
        "[x]: javascript:alert(1)\n\n[x]",
        '[x](https://e.org "\\" onmouseover=alert(1)")',
        '```" onload="alert(1)\n```',
    ],
)
def test_nothing_in_it_runs(text: str) -> None:
    html = markdown(text)

    assert "<script" not in html and "<img" not in html
    assert "href" not in html or 'href="https://e.org"' in html
    assert not any(f' {word}="' in html for word in ("onmouseover", "onerror", "onload"))


def test_links_to_the_web_open_elsewhere_and_tell_nobody() -> None:
    assert markdown("[a](https://e.org/?a&b)") == f'<p><a href="https://e.org/?a&amp;b" {OUTWARD}>a</a></p>\n'
    assert f'href="mailto:a@e.org" {OUTWARD}' in markdown("<a@e.org>")


@pytest.mark.parametrize("address", ["/logout", "../x", "//evil.org/x", "#step", "ftp://e.org", "http:/[bad"])
def test_other_links_are_words(address: str) -> None:
    assert markdown(f"[a *b*]({address})") in ("<p>a <em>b</em></p>\n", f"<p>[a <em>b</em>]({address})</p>\n")


def test_images_are_not_loaded_from_elsewhere() -> None:
    assert markdown("![plot](https://e.org/p.png)") == (
        f'<p><a class="no-image" href="https://e.org/p.png" {OUTWARD}>[plot]</a></p>\n'
    )
    assert "<img" not in markdown("[![badge](https://e.org/b.svg)](https://e.org)")


def test_a_link_around_an_image_stays_one_link() -> None:
    assert markdown("[![badge](https://e.org/b.svg)](https://e.org)").count("<a ") == 1


def test_columns_are_aligned_by_classes() -> None:
    html = markdown("|a|b|\n|-|-:|\n|1|2|")

    assert '<td class="right">2</td>' in html
    assert "style=" not in html


@pytest.mark.parametrize("piece", ["[", "![", "*a_ ", "`a", "> ", "- ", "<", "&", "[a](", "|a"])
def test_the_worst_that_one_can_write_takes_seconds_at_most(piece: str) -> None:
    began = time.process_time()
    markdown((piece * RENDERED_CHARS)[:RENDERED_CHARS])

    assert time.process_time() - began < 10


def test_what_is_too_long_is_cut_and_says_so() -> None:
    html = markdown("a " * RENDERED_CHARS)

    assert html.endswith("Truncated: the text is too long.</p>")
    assert len(html) < RENDERED_CHARS + 200


def test_of_markdown_the_words_remain() -> None:
    assert plain("# A *title*\n\n- one `two`\nmore\n- <b>three</b>") == "A title one two more <b>three</b>"


def test_of_a_long_text_only_the_beginning_is_read_for_its_words() -> None:
    assert len(plain("a" * RENDERED_CHARS)) < 5_000
