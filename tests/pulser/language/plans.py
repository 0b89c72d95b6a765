"""A small catalogue with tools like the real ones, and plans to check against it."""

from __future__ import annotations

from typing import Any

from pulser.language import CheckResult, load
from pulser.language.catalogue import Effect, StaticCatalogue, ToolSpec, VerifierSpec


def tool(name: str, *, takes: dict[str, Any], gives: dict[str, Any], **more: Any) -> ToolSpec:
    return ToolSpec(
        name=name,
        title=name.title(),
        description=name,
        input={"type": "object", "additionalProperties": False, **takes},
        output={"type": "object", "properties": gives},
        effect=Effect.IDEMPOTENT,
        **more,
    )


STRING, INTEGER = {"type": "string"}, {"type": "integer"}

DURATION = {"type": ["string", "number"], "format": "pulser-duration"}
SHELL = tool(
    "shell",
    takes={
        "required": ["run"],
        "properties": {
            "run": {
                "anyOf": [
                    {"type": "string", "minLength": 1},
                    {"type": "array", "minItems": 1, "items": STRING},
                ]
            },
            "cwd": STRING,
            "env": {
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                "additionalProperties": {"type": ["string", "number", "boolean"]},
            },
            "stdin": STRING,
        },
    },
    gives={"exit_code": INTEGER, "stdout": STRING, "stderr": STRING},
    script_fields=frozenset({"run"}),
    declares_outputs=True,
)
HTTP = tool(
    "http",
    takes={
        "required": ["url"],
        "properties": {
            "method": {"enum": ["GET", "POST"]},
            "url": STRING,
            "headers": {"type": "object", "additionalProperties": STRING},
            "json": {},
            "body": STRING,
            "expect": {"type": "array", "items": INTEGER},
        },
        "not": {"required": ["json", "body"]},
    },
    gives={"status": INTEGER, "headers": {"type": "object"}, "body": STRING, "json": {}},
)
APPROVAL = tool(
    "approval",
    takes={"properties": {"role": STRING, "message": STRING, "timeout": DURATION, "on_timeout": STRING}},
    gives={"decision": STRING, "by": STRING, "comment": STRING},
    suspends=True,
)
WAIT = tool(
    "wait",
    takes={
        "properties": {"duration": DURATION, "until": {"type": "string", "format": "date-time"}},
        "oneOf": [{"required": ["duration"]}, {"required": ["until"]}],
    },
    gives={},
    suspends=True,
)
EXIT_CODE = VerifierSpec(
    name="exit_code",
    title="Exit code",
    description="",
    config={"anyOf": [INTEGER, {"type": "array", "items": INTEGER}]},
    reads=frozenset({"exit_code"}),
)
REGEX = VerifierSpec(
    name="regex",
    title="Regex",
    description="",
    config={
        "type": "object",
        "additionalProperties": False,
        "required": ["pattern"],
        "properties": {"in": STRING, "pattern": STRING, "absent": {"type": "boolean"}},
    },
)
CATALOGUE = StaticCatalogue(
    tool_specs={spec.name: spec for spec in (SHELL, HTTP, APPROVAL, WAIT)},
    verifier_specs={spec.name: spec for spec in (EXIT_CODE, REGEX)},
)

HEAD = """\
pulser: 1
slug: demo
params:
  type: object
  properties:
    repo: {type: string}
    count: {type: integer}
    tags: {type: array, items: {type: string}}
    place: {type: object, properties: {city: {type: string}}}
    free: {type: object}
steps:
"""
BUILD = "  - {id: build, uses: shell, with: {run: make}, outputs: {commit: {type: string}, size: {type: integer}}}\n"

RELEASE_CHECK = r"""
pulser: 1
slug: release-check
title: Release check
params:                       # JSON Schema; the start form is drawn from it
  type: object
  required: [repo]
  properties:
    repo: {type: string, title: Repository}
lane: A
steps:
  - id: clone
    uses: shell
    with:
      run: git clone --depth 1 -- "$REPO" src && echo "commit=$(git -C src rev-parse HEAD)" >> "$PULSER_OUTPUT"
      env: {REPO: "{{ params.repo }}"}
    outputs: {commit: {type: string}}
    retry: {max_attempts: 3, initial: 1s, factor: 2, max: 60s, on: [transient, timeout, failed]}
    timeout: 2m
  - id: test
    needs: [clone]
    uses: shell
    with: {run: "pytest -q --junit-xml report.xml", cwd: src}
    artifacts: [{path: src/report.xml, kind: file}]
    verify:
      - exit_code: 0
      - regex: {in: stdout, pattern: '\d+ passed'}
  - id: sign-off
    needs: [test]
    uses: approval
    with: {role: operator, message: "Release {{ steps.clone.outputs.commit }}?", timeout: 24h, on_timeout: reject}
finally:
  - {id: tidy, uses: shell, with: {run: "rm -rf src"}}
"""


def check(text: str) -> CheckResult:
    return load(text, catalogue=CATALOGUE)


def said(text: str) -> list[str]:
    """The problems of a plan, as they are shown."""
    return [str(problem) for problem in check(text).problems]


def said_of_steps(steps: str) -> list[str]:
    """The problems of these steps behind a head with params and, in line 12, a step `build`."""
    return said(HEAD + BUILD + steps)
