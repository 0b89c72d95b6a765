"""Every call of the OpenAPI by schemathesis, as an operator, as a viewer and as nobody."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzz.row import Row
from fuzz.target import Target

HERE = Path(__file__).parent
ANSWER_S = 15.0
FOUND_NOTHING, FOUND_SOMETHING = 0, 1


def calls(target: Target, *, role: str, seed: int, examples: int, phases: str = "coverage,fuzzing") -> list[Row]:
    """A row for each call. `examples`: requests that are invented for each, beside those that cover the schema."""
    with tempfile.TemporaryDirectory(prefix="controlroom-fuzz-") as folder:
        report = Path(folder) / "report.ndjson"
        (Path(folder) / "ids.json").write_text(json.dumps(target.ids))
        command = [*_command(target, role), "--phases", phases, "--seed", str(seed), "--max-examples", str(examples)]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "fuzz.real_ids", "FUZZ_IDS": f"{folder}/ids.json"}
        environment["PYTHONPATH"] = str(HERE.parent)
        ran = subprocess.run(  # its exit status is read below
            [*command, "--report-ndjson-path", str(report)],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode not in {FOUND_NOTHING, FOUND_SOMETHING}:
            raise RuntimeError(f"schemathesis ended with {ran.returncode}:\n{ran.stdout}\n{ran.stderr}")
        rows = _rows(report.read_text().splitlines(), role)
    if ran.returncode == FOUND_SOMETHING and not any(row.violations for row in rows):
        raise RuntimeError(f"schemathesis found what its report does not tell:\n{ran.stdout}")
    return rows


def _command(target: Target, role: str) -> list[str]:
    token = target.tokens[role]
    signed_in = ["--header", f"Authorization: Bearer {token}"] if token else []
    return [
        *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{target.room.url}/api/v1/openapi.json", *signed_in, "--checks", "all", "--continue-on-failure"),
        *("--no-shrink", "--suppress-health-check", "all", "--request-timeout", str(ANSWER_S), "--report", "ndjson"),
    ]


def _rows(lines: list[str], role: str) -> list[Row]:
    rows: dict[str, Row] = {}
    for line in lines:
        kind, event = next(iter(json.loads(line).items()))
        if kind == "ScenarioFinished":
            label = event["recorder"]["label"]
            _take(event["recorder"], rows.setdefault(label, Row(f"{label.replace('/api/v1', '')} ({role})")))
        elif kind in {"NonFatalError", "FatalError", "Interrupted"}:
            rows.setdefault(kind, Row(f"{kind} ({role})")).saw("error", right=False, why=json.dumps(event)[:2000])
    return list(rows.values())


def _take(recorder: dict[str, Any], row: Row) -> None:
    interactions = recorder.get("interactions", {})
    for interaction in interactions.values():
        response = interaction.get("response")
        row.saw(response["status_code"] if response else "no answer", right=response is not None, why=str(interaction))
    for case_id, checks in recorder.get("checks", {}).items():
        for check in checks:
            if check["status"] == "failure":
                row.violations.append("\n  ".join(_told(check, interactions.get(case_id, {}))))


def _told(check: dict[str, Any], interaction: dict[str, Any]) -> Iterator[str]:
    yield f"{check['name']}: {json.dumps(check.get('failure_info', check), ensure_ascii=False)[:1000]}"
    request, response = interaction.get("request", {}), interaction.get("response") or {}
    yield f"{request.get('method')} {request.get('uri')} {_text(request)[:500]}"
    yield f"{response.get('status_code')} {_text(response)[:500]}"


def _text(message: dict[str, Any]) -> str:
    body = message.get("body") or message.get("content") or {}
    return base64.b64decode(body.get("$base64", "")).decode(errors="replace") if isinstance(body, dict) else str(body)
