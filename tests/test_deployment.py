"""What can be checked of the container files without a container engine: they agree with the code."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCES = "\n".join(path.read_text() for path in (ROOT / "controlroom").rglob("*.py"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(document, dict)
    return document


def test_every_part_of_the_control_room_has_a_container(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"prepare", "web", "worker", "control", "postgres", "redis"}


def test_the_parts_share_one_image_one_database_and_the_data(compose: dict[str, Any]) -> None:
    ours = [compose["services"][name] for name in ("prepare", "web", "worker", "control")]
    assert {part["image"] for part in ours} == {"controlroom"}
    assert len({part["environment"]["DATABASE_URL"] for part in ours}) == 1
    assert all(part["volumes"] == ["data:/data"] for part in ours)


def test_every_variable_that_is_set_is_read_somewhere(compose: dict[str, Any]) -> None:
    names = compose["services"]["web"]["environment"]
    assert [name for name in names if f'"{name}"' not in SOURCES] == []


def test_services_wait_for_services_and_mount_volumes_that_exist(compose: dict[str, Any]) -> None:
    services, volumes = compose["services"], compose["volumes"]
    awaited = {name for service in services.values() for name in service.get("depends_on", {})}
    mounted = {mount.partition(":")[0] for service in services.values() for mount in service.get("volumes", [])}
    assert awaited <= set(services)
    assert mounted == set(volumes)


def test_the_image_copies_what_is_there_and_is_not_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    assert all((ROOT / word).exists() for word in copied)
    assert "USER controlroom" in lines


def test_lock_files_name_no_registry_and_hash_everything() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        pinned = re.findall(r"^[a-z0-9].*==", text, re.MULTILINE)
        hashed = re.findall(r"^[a-z0-9].*== ?\S+.*\\\n +--hash=sha256:", text, re.MULTILINE)
        assert "://" not in text
        assert len(pinned) == len(hashed) > 20


@pytest.mark.parametrize("name", [".ci/run", ".ci/venv", ".ci/browser"])
def test_scripts_can_be_run(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
