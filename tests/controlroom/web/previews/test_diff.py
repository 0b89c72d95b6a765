from __future__ import annotations

from controlroom.web.previews.diff import FileDiff, Row, parse, show
from runs.queries.artifact_content import FileHead

ONE = """diff --git a/app.py b/app.py
index 1..2 100644
--- a/app.py
+++ b/app.py
@@ -1,4 +1,4 @@ def main():
 import os
-name = "old"
-gone = 1
+name = "new"
 print(name)
 \\ a line that begins with a backslash
@@ -10 +10,2 @@
 x
+y
\\ No newline at end of file
"""


def _lines(file: FileDiff) -> list[tuple[str, str]]:
    def text(row: Row, side: str) -> str:
        one = getattr(row, side)
        return f"{one.number} {one.before}{one.differs}{one.behind}" if one else ""

    rows = [row for hunk in file.hunks for block in hunk.blocks for row in block.rows]
    return [(text(row, "old"), text(row, "new")) for row in rows]


def test_both_sides_stand_beside_each_other_with_their_numbers() -> None:
    (file,) = parse(ONE.splitlines())

    assert (file.old, file.new, file.added, file.removed) == ("app.py", "app.py", 2, 2)
    assert [hunk.place for hunk in file.hunks] == ["def main():", ""]
    assert _lines(file) == [
        ("1 import os", "1 import os"),
        ('2 name = "old"', '2 name = "new"'),
        ("3 gone = 1", ""),
        ("4 print(name)", "3 print(name)"),
        ("5 \\ a line that begins with a backslash", "4 \\ a line that begins with a backslash"),
        ("10 x", "10 x"),
        ("", "11 y"),
    ]


def test_what_differs_within_a_line_is_marked() -> None:
    (file,) = parse(ONE.splitlines())
    row = file.hunks[0].blocks[1].rows[0]

    assert row.old and row.new
    assert (row.old.before, row.old.differs, row.old.behind) == ('name = "', "old", '"')
    assert row.new.differs == "new"


def test_a_removed_line_that_looks_like_a_head_is_a_line() -> None:
    (file,) = parse(["--- a/x", "+++ b/x", "@@ -1,2 +1 @@", "--- not a head", " kept"])

    assert _lines(file) == [("1 -- not a head", ""), ("2 kept", "1 kept")]


def test_files_that_were_made_or_deleted_have_one_name() -> None:
    made, deleted = parse(
        [
            "--- /dev/null",
            "+++ b/new",
            "@@ -0,0 +1 @@",
            "+a",
            "--- a/old\t2026-11-21",
            "+++ /dev/null",
            "@@ -1 +0,0 @@",
            "-a",
        ]
    )

    assert (made.old, made.new, deleted.old, deleted.new) == ("", "new", "old", "")


def test_files_without_lines_say_what_became_of_them() -> None:
    files = parse(
        [
            "diff --git a/p.png b/p.png",
            "Binary files a/p.png and b/p.png differ",
            "diff --git a/x b/y",
            "rename from x",
            "rename to y",
        ]
    )

    assert [file.words for file in files] == [
        ["Binary files a/p.png and b/p.png differ"],
        ["rename from x", "rename to y"],
    ]


def test_what_is_no_diff_is_shown_as_text() -> None:
    found = show(FileHead(b"hello\n@@ nonsense @@\n", True, 21), at_most=100)

    assert (found.kind, found.value) == ("text", "hello\n@@ nonsense @@\n")
    assert "no change" in found.notes[0]


def test_a_hunk_that_claims_more_than_it_has_ends_with_the_file() -> None:
    (file,) = parse(["@@ -1,999999999 +1,999999999 @@", "-a", "+b"])

    assert _lines(file) == [("1 a", "1 b")]


def test_a_long_diff_is_cut_and_says_so() -> None:
    lines = ["--- a/x", "+++ b/x", "@@ -1,0 +1,5000 @@", *["+y"] * 5_000]
    found = show(FileHead("\n".join(lines).encode(), True, 15_000), at_most=1_000)

    assert (found.value[0].added, found.notes) == (997, ("The first 1,000 lines of the diff.",))
