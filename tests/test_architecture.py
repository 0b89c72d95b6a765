"""The sizes and shapes that keep the code readable. Import directions are checked by import-linter, in `make lint`."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

import controlroom

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("controlroom", "runs", "pulser", "bench", "chaos", "fuzz")
FILE_LINES = 400
FUNCTION_LINES = 60
TEMPLATE_COLUMNS = 160
MEDIAN_FUNCTION_LINES = 8
NESTING = 4
POSITIONAL = 2
POSITIONAL_OF_HELPERS = 3
BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.Match)
WEB = (
    "django.http",
    "django.shortcuts",
    "django.template",
    "django.urls",
    "django.utils.html",
    "django.utils.safestring",
    "django.views",
)
Function = ast.FunctionDef | ast.AsyncFunctionDef

# A framework calls these, and decides what it passes by position.
CALLED_BY_FRAMEWORKS = {
    "add_arguments",
    "change_view",
    "connect_tcp",
    "connect_unix_socket",
    "contribute_to_class",
    "formfield_for_dbfield",
    "formfield_for_foreignkey",
    "get_command",
    "get_search_results",
    "has_change_permission",
    "has_delete_permission",
    "has_view_permission",
    "log_message",
    "lookup_allowed",
    "render_change_form",
    "response_add",
    "response_change",
    "save_model",
    "save_related",
    "start_tls",
}


def sources() -> list[Path]:
    found = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return [path for path in found if "migrations" not in path.parts]


def functions_in(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


@pytest.fixture(scope="module")
def functions() -> list[tuple[str, Function]]:
    """Every function of the product, with the place where it stands."""
    return [
        (f"{path.relative_to(ROOT)}:{function.lineno} {function.name}", function)
        for path in sources()
        for function in functions_in(ast.parse(path.read_text()))
    ]


def lines_of(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def depth_of(node: ast.AST, *, depth: int = 0) -> int:
    """How deep blocks lie in one another; `elif` is no deeper than its `if`. Inner functions count for themselves."""
    deepest = depth
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, Function | ast.ClassDef):
                continue
            is_elif = isinstance(node, ast.If) and name == "orelse" and isinstance(child, ast.If)
            deepest = max(deepest, depth_of(child, depth=depth + (isinstance(child, BLOCKS) and not is_elif)))
    return deepest


def positional_of(function: Function) -> int:
    """Arguments that a caller may give by position, without `self` and `cls`."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def is_free_to_choose(function: Function) -> bool:
    """Whether we choose how it is called: not a framework, an operator or a decorator that hands things in."""
    is_special = function.name.startswith("__") and function.name.endswith("__")
    return not function.decorator_list and not is_special and function.name not in CALLED_BY_FRAMEWORKS


def test_files_fit_a_sitting() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}
    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}


def test_functions_fit_a_screen(functions: list[tuple[str, Function]]) -> None:
    assert {place: lines_of(function) for place, function in functions if lines_of(function) > FUNCTION_LINES} == {}


def test_most_functions_are_small(functions: list[tuple[str, Function]]) -> None:
    assert median(lines_of(function) for _, function in functions) <= MEDIAN_FUNCTION_LINES


def test_blocks_are_not_nested_deeply(functions: list[tuple[str, Function]]) -> None:
    assert {place: depth_of(function) for place, function in functions if depth_of(function) > NESTING} == {}


def test_at_most_two_arguments_go_by_position(functions: list[tuple[str, Function]]) -> None:
    """Three in a helper, whose callers are in sight."""
    counts = {(place, f.name.startswith("_")): positional_of(f) for place, f in functions if is_free_to_choose(f)}
    allowed = {True: POSITIONAL_OF_HELPERS, False: POSITIONAL}
    assert {place: count for (place, is_helper), count in counts.items() if count > allowed[is_helper]} == {}


def test_types_are_read_late_everywhere() -> None:
    """`from __future__ import annotations` stands in every file that has code."""
    missing = [
        str(path.relative_to(ROOT))
        for path in sources()
        if any(functions_in(ast.parse(text := path.read_text()))) and "from __future__ import annotations" not in text
    ]
    assert missing == []


def test_lines_of_templates_fit_a_screen() -> None:
    """A Django tag stands on one line; HTML tags break between their attributes."""
    too_long = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if len(line) > TEMPLATE_COLUMNS
    ]
    assert too_long == []


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == controlroom.__version__


def test_nothing_of_runs_knows_http_or_a_template() -> None:
    found = {str(path.relative_to(ROOT)): _web_imports(path) for path in sorted((ROOT / "runs").rglob("*.py"))}
    assert {name: names for name, names in found.items() if names} == {}


def _web_imports(path: Path) -> list[str]:
    imports = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom))
    return [node.module for node in imports if node.module and node.module.startswith(WEB)]
