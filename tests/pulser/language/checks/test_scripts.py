"""Where in a script the quotes of `sh` hold."""

from __future__ import annotations

import pytest

from pulser.language.checks.scripts import unquoted_expressions
from pulser.language.expressions import parse_template

VALUE = "{{ params.x | sh }}"

SCRIPTS = [  # the script, what surrounds its value (nothing: it is safe there)
    (f"echo {VALUE}", None),
    (f"echo a{VALUE}b", None),
    (f'echo "{VALUE}"', "double quotes"),
    (f"echo '{VALUE}'", "single quotes"),
    (f'echo "a" {VALUE} "b"', None),
    (f"echo 'it' {VALUE}", None),
    (f"echo \\' {VALUE}", None),
    (f'echo \\" {VALUE}', None),
    (f'echo "a\\" {VALUE}"', "double quotes"),
    (f'echo "$(cat {VALUE})"', None),
    (f'echo "$(cat "{VALUE}")"', "double quotes"),
    (f'echo "$(cat) {VALUE}"', "double quotes"),
    (f"echo `cat {VALUE}`", "backquotes"),
    (f"(cd {VALUE})", None),
    (f"# it's {VALUE}", "a comment"),
    (f"# it's so\necho {VALUE}", None),
    (f"echo a#b's' {VALUE}", None),
    (f"cat <<EOF\n{VALUE}\nEOF\n", "a here-document"),
    (f"cat <<'EOF'\n$x's\nEOF\necho {VALUE}", None),
    (f"cat <<-EOF\n\tit's\n\tEOF\necho {VALUE}", None),
    (f"cat <<EOF {VALUE}\nx\nEOF\n", None),
    (f"cat <<A <<B\n'\nA\n'\nB\necho {VALUE}", None),
]


@pytest.mark.parametrize(("script", "inside"), SCRIPTS)
def test_a_quoted_value_is_safe_only_outside_other_quotes(script: str, inside: str | None) -> None:
    assert unquoted_expressions(parse_template(script)).get(0) == inside
