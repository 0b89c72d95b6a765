from __future__ import annotations

import re
from pathlib import Path

import pytest

from controlroom.env import EnvironmentProblem, Layout, data_dir, env_bool, env_int, env_list, env_str

NAME = "CONTROLROOM_EXAMPLE"


@pytest.mark.parametrize("text", [None, "", "  "])  # compose files pass on unset variables as empty ones
def test_an_unset_or_empty_variable_gives_the_default(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    monkeypatch.delenv(NAME, raising=False)
    if text is not None:
        monkeypatch.setenv(NAME, text)
    assert env_str(NAME, default="x") == "x"
    assert env_int(NAME, default=7) == 7
    assert env_bool(NAME, default=True) is True
    assert env_list(NAME, default=["a"]) == ["a"]


@pytest.mark.parametrize(("text", "value"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("No", False)])
def test_words_of_truth_are_understood(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv(NAME, text)
    assert env_bool(NAME, default=not value) is value


def test_a_list_is_separated_by_commas_and_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, " a, b,,c ")
    assert env_list(NAME) == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["eight", "8.5", "0", "70000"])
def test_a_bad_number_is_refused_with_name_value_and_bounds(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(NAME, text)
    message = f"{NAME}: expected a whole number from 1 up to 65535, got '{text}'"
    with pytest.raises(EnvironmentProblem, match=re.escape(message)):
        env_int(NAME, default=1, minimum=1, maximum=65535)


def test_a_bad_truth_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "maybe")
    with pytest.raises(EnvironmentProblem, match=f"{NAME}: expected 1 or 0"):
        env_bool(NAME, default=False)


def test_the_data_directory_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONTROLROOM_DATA", "here")
    assert data_dir() == tmp_path / "here"
    assert Layout(data_dir()).postgres == tmp_path / "here" / "postgres"
