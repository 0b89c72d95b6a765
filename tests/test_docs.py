"""The documentation keeps up with the code: examples are valid, names are told, links lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pulser.language.document import ArtifactSpec, Plan, Retry, Step
from pulser.language.expressions.filters import FILTERS
from pulser.language.loader import load
from pulser.tools.registry import installed, installed_catalogue
from pulser.verifiers.registry import installed as installed_verifiers

ROOT = Path(__file__).parents[1]
LANGUAGE = (ROOT / "docs/plan-language.md").read_text()
OPERATING = (ROOT / "docs/operating.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README_LINES = 150

PLANS = [
    (page.name, number, source)
    for page in PAGES
    for number, source in enumerate(re.findall(r"```yaml\n(pulser: .*?)```", page.read_text(), re.DOTALL), start=1)
]


@pytest.mark.parametrize("source", [source for *_, source in PLANS], ids=[f"{name}-{n}" for name, n, _ in PLANS])
def test_a_plan_in_the_documentation_is_right(source: str) -> None:
    assert load(source, catalogue=installed_catalogue()).problems == ()


def keys() -> list[str]:
    models = (Plan, Step, Retry, ArtifactSpec)
    return sorted({field.alias or name for model in models for name, field in model.model_fields.items()})


@pytest.mark.parametrize("key", keys())
def test_every_key_of_the_language_is_told(key: str) -> None:
    assert f"`{key}`" in LANGUAGE


@pytest.mark.parametrize("name", list(installed()))
def test_every_tool_is_told_with_its_arguments_and_outputs(name: str) -> None:
    section = LANGUAGE.partition(f"### `{name}`")[2].partition("\n##")[0]
    spec = installed()[name].spec

    told = [*spec.input["properties"], *spec.output.get("properties", {})]

    assert [word for word in told if f"`{word}`" not in section] == []


@pytest.mark.parametrize("name", list(installed_verifiers()))
def test_every_verifier_is_told(name: str) -> None:
    assert f"| `{name}` |" in LANGUAGE


@pytest.mark.parametrize("name", list(FILTERS))
def test_every_filter_is_told(name: str) -> None:
    assert f"`{name}`" in LANGUAGE


def variables() -> list[str]:
    code = [path for package in ("controlroom", "runs", "pulser") for path in (ROOT / package).rglob("*.py")]
    reader = re.compile(r"env_(?:str|int|bool|list)\(\s*\"([A-Z_]+)\"")
    return sorted({name for path in code for name in reader.findall(path.read_text())})


@pytest.mark.parametrize("name", variables())
def test_every_variable_of_the_environment_is_told(name: str) -> None:
    assert f"`{name}`" in OPERATING


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


def test_words_of_the_glossary_stand_in_order_and_once() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)

    assert words == sorted(set(words), key=str.lower)


def stations() -> list[tuple[str, str]]:
    """The file and the function of each station in the walk of a hook call."""
    walk = (ROOT / "docs/architecture.md").read_text().partition("## The walk of a hook call")[2].partition("\n## ")[0]
    return re.findall(r"\| `([a-z_/]+\.py)` \| `(\w+)` \|$", walk, re.MULTILINE)


def test_the_walk_of_a_hook_call_goes_from_the_request_to_the_browser() -> None:
    files = [file for file, _ in stations()]
    assert len(files) > 15
    assert (files[0], files[-1]) == ("controlroom/http/handler.py", "controlroom/web/live/consumers.py")


@pytest.mark.parametrize(("file", "name"), stations())
def test_a_station_of_the_walk_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    assert name in {node.name for node in tree.body if isinstance(node, kinds)}
