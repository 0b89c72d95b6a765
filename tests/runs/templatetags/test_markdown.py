from __future__ import annotations

import pytest

from runs.templatetags.markdown import markdown, plain


@pytest.mark.parametrize(
    ("text", "html", "why"),
    [
        ("**bold**", "<strong>bold</strong>", "marks become tags"),
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;", "raw HTML is text"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))", "no link leads to a script"),
        ("![x](https://example.com/y.png)", "!<a", "nothing is fetched from elsewhere"),
        ("| a |\n|---|\n| b |", "<td>b</td>", "tables"),
    ],
)
def test_markdown_becomes_html_that_is_safe(text: str, html: str, why: str) -> None:
    assert html in markdown(text), why


def test_of_markdown_the_words_remain() -> None:
    assert plain("# A *title*\n\n- one `two`\nmore\n- <b>three</b>") == "A title one two more <b>three</b>"
