"""Bad plans: each with its exact place and words. Lines count from the head; `build` stands in line 12."""

from __future__ import annotations

import pytest

from tests.pulser.language.plans import BUILD, HEAD, said, said_of_steps

ONE_STEP = "\nsteps: [{id: a, uses: wait, with: {duration: 1}}]"
HTTP = "  - {id: a, uses: http, needs: [build], with: {url: x%s}}\n"

KEYS_AND_VALUES = [  # the step in line 13, its problems
    ("  - {id: a, uses: shel}", ["13:19 steps[1].uses: unknown tool `shel`; did you mean `shell`?"]),
    (
        "  - {id: a, uses: zzz}",
        ["13:19 steps[1].uses: unknown tool `zzz`; there are approval, http, shell or wait"],
    ),
    (
        "  - {uses: wait, with: {duration: 1s}}",
        ["13:5 steps[1].id: `id` is missing: the step's name for `needs` and expressions"],
    ),
    ("  - {id: a}", ["13:5 steps[1].uses: `uses` is missing: the tool of the step, such as `uses: shell`"]),
    ("  - just text", ['13:5 steps[1]: expected an object, got "just text"']),
    (
        "  - {id: 1a, uses: wait, with: {duration: 1}}",
        ['13:10 steps[1].id: expected letters, digits, `-` and `_`, beginning with a letter, got "1a"'],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, foreach: [1]}",
        ["13:46 steps[1].foreach: `foreach` is not supported in this version of the language"],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, depends_on: [build]}",
        ["13:46 steps[1].depends_on: unknown key `depends_on`; did you mean `needs`?"],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, timeout: soon}",
        ["13:55 steps[1].timeout: expected a duration such as 30s, 2m or 1h30m, got 'soon'"],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, timeout: 0}",
        ["13:55 steps[1].timeout: expected more than 0, got 0"],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, effect: pur}",
        [
            '13:54 steps[1].effect: expected pure, idempotent, compensable or irreversible, got "pur"; '
            "did you mean `pure`?"
        ],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, needs: build}",
        ['13:53 steps[1].needs: expected a list, got "build"; write [build]'],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, continue_on_error: yes}",
        ['13:65 steps[1].continue_on_error: expected true or false, got "yes"; write true'],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, environments: [dev, tset]}",
        ['13:66 steps[1].environments[1]: expected dev, staging or prod, got "tset"'],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, retry: {max_attempts: 0}}",
        ["13:64 steps[1].retry.max_attempts: expected at least 1, got 0"],
    ),
    (
        '  - {id: a, uses: shell, with: {run: x}, retry: {max_attempts: "3"}}',
        ['13:64 steps[1].retry.max_attempts: expected a whole number, got "3"; write 3 without quotes'],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, retry: {initial: 10m, max: 30s}}",
        ["13:69 steps[1].retry.max: expected `max` of at least `initial` (600 s), got 30 s"],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, retry: {on: [transiet]}}",
        [
            '13:55 steps[1].retry.on[0]: expected transient, timeout, failed, lost or permanent, got "transiet"; '
            "did you mean `transient`?"
        ],
    ),
    (
        "  - {id: build, uses: wait, with: {duration: 1}}",
        ["13:10 steps[1].id: the id `build` is already used by steps[0]; ids must be unique"],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, needs: [bild]}",
        ["13:54 steps[1].needs[0]: unknown step `bild`; did you mean `build`?"],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, needs: [a]}",
        ["13:53 steps[1].needs: circular dependency: a -> a"],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, artifacts: [{path: ../x}]}",
        ["13:61 steps[1].artifacts[0].path: expected a path inside the workspace, relative and without `..`"],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, artifacts: [{path: /etc/passwd}]}",
        ["13:61 steps[1].artifacts[0].path: expected a path inside the workspace, relative and without `..`"],
    ),
]

ARGUMENTS = [
    (
        "  - {id: a, uses: http, with: {url: 8080}}",
        ['13:37 steps[1].with.url: expected a string, got 8080; write "8080"'],
    ),
    ("  - {id: a, uses: http}", ["13:5 steps[1].with.url: `url` is missing"]),
    ("  - {id: a, uses: http, with: {}}", ["13:31 steps[1].with.url: `url` is missing"]),
    (
        "  - {id: a, uses: http, with: {url: x, methd: GET}}",
        ["13:40 steps[1].with.methd: unknown key `methd`; did you mean `method`?"],
    ),
    (
        "  - {id: a, uses: http, with: {url: x, method: GTE}}",
        ['13:48 steps[1].with.method: expected GET or POST, got "GTE"; did you mean `GET`?'],
    ),
    (
        "  - {id: a, uses: http, with: {url: x, timeout: 5}}",
        ["13:40 steps[1].with.timeout: `timeout` is a key of the step: move it out of `with`"],
    ),
    (
        "  - {id: a, uses: http, with: {url: x, needs: [build], retry: {}}}",
        [
            "13:40 steps[1].with.needs: `needs` is a key of the step: move it out of `with`",
            "13:56 steps[1].with.retry: `retry` is a key of the step: move it out of `with`",
        ],
    ),
    (
        "  - {id: a, uses: http, with: {url: x, json: {}, body: y}}",
        ["13:31 steps[1].with: expected only one of `json`, `body`"],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: soon}}",
        ["13:42 steps[1].with.duration: expected a duration such as 30s, 2m or 1h30m, got 'soon'"],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 367d}}",
        ['13:42 steps[1].with.duration: expected at most 366 days, the longest wait, got "367d"'],
    ),
    (
        "  - {id: a, uses: wait, with: {until: tomorrow}}",
        ["13:39 steps[1].with.until: expected a time such as 2030-01-31T09:00:00Z, got 'tomorrow'"],
    ),
    (
        "  - {id: a, uses: wait, with: {until: '2030-01-31T09:00:00'}}",
        ["13:39 steps[1].with.until: 2030-01-31T09:00:00 has no time zone; write 2030-01-31T09:00:00Z for UTC"],
    ),
    (
        "  - {id: a, uses: approval, with: {timeout: never}}",
        ["13:45 steps[1].with.timeout: expected a duration such as 30s, 2m or 1h30m, got 'never'"],
    ),
    (
        "  - {id: a, uses: http, with: {url: x, expect: [200, ok]}}",
        ['13:54 steps[1].with.expect[1]: expected a whole number, got "ok"'],
    ),
    (
        "  - {id: a, uses: shell, with: {run: 5}}",
        ['13:38 steps[1].with.run: expected a string or a list, got 5; write "5"'],
    ),
    ("  - {id: a, uses: shell, with: {run: []}}", ["13:38 steps[1].with.run: expected a length of at least 1, got []"]),
    (
        "  - {id: a, uses: shell, with: {run: [echo, 5]}}",
        ['13:45 steps[1].with.run[1]: expected a string, got 5; write "5"'],
    ),
    (
        '  - {id: a, uses: shell, with: {run: x, env: {"A B": x}}}',
        ['13:47 steps[1].with.env["A B"]: the key "A B" is not allowed here'],
    ),
    ("  - {id: a, uses: wait}", ["13:5 steps[1].with: expected `duration` or `until`"]),
    (
        "  - {id: a, uses: wait, with: {duration: 1s, until: 2030-01-31T09:00:00Z}}",
        ["13:31 steps[1].with: expected only one of `duration`, `until`"],
    ),
]

REFERENCES = [
    (
        HTTP % ', headers: {A: "{{ params.rpeo }}"}',
        ["13:70 steps[1].with.headers.A: `params` has no field `rpeo`; did you mean `repo`?"],
    ),
    (
        HTTP % ', headers: {A: "{{ steps.biuld.outputs.stdout }}"}',
        ["13:70 steps[1].with.headers.A: unknown step `biuld`; did you mean `build`?"],
    ),
    (
        HTTP % ', headers: {A: "{{ steps.build.outputs.comit }}"}',
        ["13:70 steps[1].with.headers.A: `steps.build.outputs` has no field `comit`; did you mean `commit`?"],
    ),
    (
        HTTP % ', headers: {A: "{{ steps.build.output.commit }}"}',
        ["13:70 steps[1].with.headers.A: `steps.build` has no field `output`; did you mean `outputs`?"],
    ),
    (
        HTTP % ', headers: {A: "{{ steps.build.outputs.commit.x }}"}',
        ["13:70 steps[1].with.headers.A: `steps.build.outputs.commit` is a string and has no field `x`"],
    ),
    (
        HTTP % ', headers: {A: "{{ steps.a.outputs.body }}"}',
        ["13:70 steps[1].with.headers.A: a step cannot refer to itself: it has no outputs yet"],
    ),
    (
        HTTP % ', headers: {A: "{{ params.place.town }}"}',
        ["13:70 steps[1].with.headers.A: `params.place` has no field `town`; there are city"],
    ),
    (
        HTTP % ', headers: {A: "{{ run.envronment }}"}',
        ["13:70 steps[1].with.headers.A: `run` has no field `envronment`; did you mean `environment`?"],
    ),
    (
        HTTP % ', headers: {A: "{{ parms.repo }}"}',
        ["13:70 steps[1].with.headers.A: unknown name `parms`; did you mean `params`?"],
    ),
    (
        HTTP % ', headers: {A: "x {{ params.repo | lowr }}"}',
        ["13:72 steps[1].with.headers.A: unknown filter `lowr`; did you mean `lower`?"],
    ),
    (
        HTTP % ', expect: "{{ params.repo }}"',
        ["13:65 steps[1].with.expect: expected a list, but {{ params.repo }} is a string"],
    ),
    (
        HTTP % ', expect: ["{{ steps.build.outputs.stdout }}"]',
        ["13:66 steps[1].with.expect[0]: expected a whole number, but {{ steps.build.outputs.stdout }} is a string"],
    ),
    (
        HTTP % ', expect: "{{ params.repo + params.count }}"',
        ["13:65 steps[1].with.expect: `+` does not take a string and a whole number"],
    ),
    (
        HTTP % ', expect: "{{ params.count | split }}"',
        ["13:65 steps[1].with.expect: the input of filter `split` must be a string, got a whole number"],
    ),
    (
        HTTP % ', json: "{{ failed() }}"',
        ["13:63 steps[1].with.json: always(), failed() and success() are only allowed in `if`"],
    ),
    (
        HTTP % ', json: "{{ steps }}"',
        ['13:63 steps[1].with.json: name a step: `steps.ID.outputs.NAME`, or `steps["ID"]`'],
    ),
    (
        HTTP % ', json: "{{ ("',
        ['13:63 steps[1].with.json: `{{` without `}}`; a literal `{{` is written `{{ "{{" }}`'],
    ),
    (
        "  - {id: a, uses: http, with: {url: '{{ steps.build.outputs.stdout }}'}}",
        ["13:38 steps[1].with.url: `build` does not run before this step; add it to `needs`"],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, if: 'steps.build.status == 1'}",
        [
            "13:50 steps[1].if: `build` does not run before this step; add it to `needs`",
        ],
    ),
    (
        "  - {id: a, uses: wait, needs: [build], with: {duration: 1}, if: 'steps.build.outputs.exit_code == \"0\"'}",
        ["13:66 steps[1].if: a whole number never equals a string"],
    ),
    (
        "  - {id: a, uses: wait, with: {duration: 1}, if: '{{ params.repo }} == 1'}",
        ["13:51 steps[1].if: expected one expression: write the whole condition inside one {{ }}, or without any"],
    ),
]

SCRIPTS = [
    (
        "  - {id: a, uses: shell, with: {run: 'echo {{ params.repo }}'}}",
        ["13:44 steps[1].with.run: quote values in a script: write {{ params.repo | sh }}, or pass it by `env`"],
    ),
    (
        "  - {id: a, uses: shell, with: {run: 'echo {{ params.repo | sh | upper }}'}}",
        [
            "13:44 steps[1].with.run: quote values in a script: write {{ params.repo | sh | upper | sh }}, "
            "or pass it by `env`"
        ],
    ),
    (
        "  - {id: a, uses: shell, with: {run: 'echo \"{{ params.repo | sh }}\"'}}",
        ["13:45 steps[1].with.run: the quotes of `sh` do not hold inside double quotes: pass the value by `env`"],
    ),
    (
        "  - {id: a, uses: shell, with: {run: '{{ params.free.script }}'}}",
        ["13:39 steps[1].with.run: quote values in a script: write {{ params.free.script | sh }}, or pass it by `env`"],
    ),
    (
        "  - id: a\n    uses: shell\n    with:\n      run: |\n        set -e\n        echo {{ params.repo }}\n",
        ["18:14 steps[1].with.run: quote values in a script: write {{ params.repo | sh }}, or pass it by `env`"],
    ),
]

OUTPUTS_AND_VERIFIERS = [
    (
        "  - {id: a, uses: http, with: {url: x}, outputs: {y: {type: string}}}",
        ["13:41 steps[1].outputs: `http` has outputs of its own, and a step cannot declare more"],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, outputs: {stdout: {type: string}}}",
        ["13:52 steps[1].outputs.stdout: `stdout` is already an output of `shell`; choose another name"],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, outputs: {y: {type: strin}}}",
        [
            "13:62 steps[1].outputs.y.type: expected array, boolean, integer, null, number, object or string, "
            'got "strin"; did you mean `string`?'
        ],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, verify: [{exitcode: 0}]}",
        ["13:52 steps[1].verify[0].exitcode: unknown verifier `exitcode`; did you mean `exit_code`?"],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, verify: [{exit_code: zero}]}",
        ['13:63 steps[1].verify[0].exit_code: expected a whole number or a list, got "zero"; write [zero]'],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, verify: [{exit_code: 0, regex: {pattern: x}}]}",
        ["13:51 steps[1].verify[0]: expected one verifier in each entry, got `exit_code` or `regex`"],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, verify: [{required: false}]}",
        ["13:51 steps[1].verify[0]: expected one verifier in each entry, got nothing"],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, verify: [{exit_code: 0, required: no}]}",
        ['13:76 steps[1].verify[0].required: expected true or false, got "no"; write false'],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, verify: [{regex: {pattern: '('}}]}",
        [
            "13:69 steps[1].verify[0].regex.pattern: not a regular expression: missing ), unterminated subpattern "
            "at position 0"
        ],
    ),
    (
        "  - {id: a, uses: shell, with: {run: x}, verify: [{regex: {in: stdot, pattern: x}}]}",
        ['13:64 steps[1].verify[0].regex.in: `shell` has no output "stdot"; did you mean `stdout`?'],
    ),
    (
        "  - {id: a, uses: http, with: {url: x}, verify: [{exit_code: 0}]}",
        ["13:51 steps[1].verify[0].exit_code: `exit_code` checks the output `exit_code`, which `http` does not have"],
    ),
    (
        "  - {id: a, uses: approval, verify: [{exit_code: 0}], retry: {}, artifacts: [{path: x}]}",
        [
            "13:29 steps[1].verify: `approval` does not support `verify`",
            "13:55 steps[1].retry: `approval` does not support `retry`",
            "13:66 steps[1].artifacts: `approval` does not support `artifacts`",
        ],
    ),
]


@pytest.mark.parametrize(
    ("steps", "problems"), [*KEYS_AND_VALUES, *ARGUMENTS, *REFERENCES, *SCRIPTS, *OUTPUTS_AND_VERIFIERS]
)
def test_what_a_step_says_wrongly_is_said_at_its_place(steps: str, problems: list[str]) -> None:
    assert said_of_steps(steps) == problems


RIGHT = [  # the step in line 13, why it is right
    (HTTP % ', headers: {A: "{{ params.count }} of {{ params.tags | length }}"}', "mixed text is text"),
    (HTTP % ', headers: {A: "{{ params.free.anything.goes }}"}', "an object that names no fields may have any"),
    (HTTP % ', expect: "{{ [params.count, 200] }}"', "a list of the right kind"),
    (HTTP % ', headers: {A: "{{ steps.build.outputs.commit or params.repo }}"}', "either way a text"),
    (HTTP % ', json: "{{ steps.build }}"', "a whole step as a value"),
    (HTTP % ', headers: {A: "{{ params.tags | first | upper }}"}', "an item of a list of texts"),
    (HTTP % ", headers: {A: \"{{ params.place.city | default('x') }}\"}", "a field of a field"),
    (HTTP % ', expect: "{{ params.free.x if params.count > 1 else [200] }}"', "a type that is half known fits"),
    ("  - {id: a, uses: shell, with: {run: 'echo {{ params.repo | sh }}'}}", "quoted for the shell"),
    ("  - {id: a, uses: shell, with: {run: 'echo \"$(cat {{ params.repo | sh }})\"'}}", "a command of its own inside"),
    ("  - {id: a, uses: shell, with: {run: ['echo', '{{ params.repo }}']}}", "no shell reads the list form"),
    ("  - {id: a, uses: shell, with: {run: '{{ params.tags }}'}}", "a list as a whole is the list form"),
    ("  - {id: a, uses: shell, with: {run: 'for f in ${#x} {%d}; do x; done'}}", "signs that only Jinja would see"),
    ("  - {id: a, uses: wait, with: {duration: 1}, if: 'always() and params.count'}", "functions in `if`"),
    ("  - {id: a, uses: wait, with: {duration: 1}, if: true}", "a plain true"),
    ("  - {id: a, uses: wait, with: {duration: '{{ params.free.x }}'}}", "one of two kinds, not known which"),
    ("  - {id: a, uses: shell, with: {run: x}, verify: [{exit_code: [0, 3], required: false}]}", "only a warning"),
    (
        "  - {id: a, uses: shell, with: {run: x}, verify: [{regex: {in: size, pattern: x}}], "
        "outputs: {size: {type: string}}}",
        "own output",
    ),
    ("  - {id: a, uses: approval, with: {timeout: 24h}}", "`timeout` is an argument of this tool"),
]


@pytest.mark.parametrize(("steps", "why"), RIGHT)
def test_no_false_alarm(steps: str, why: str) -> None:
    assert said_of_steps(steps) == [], why


WHOLE_PLANS = [  # the plan, its problems, in part
    ("pulser: 2\nslug: x" + ONE_STEP, ["1:9 pulser: expected 1, got 2"]),
    (
        "slug: x" + ONE_STEP,
        ["1:1 pulser: `pulser` is missing: the version of the language, write `pulser: 1`"],
    ),
    (
        "pulser: 1\nslug: A b" + ONE_STEP,
        ['2:7 slug: expected lowercase letters, digits and `-`, got "A b"'],
    ),
    ("pulser: 1\nslug: x\nsteps: []", ["3:8 steps: expected at least 1 entry, got 0"]),
    ("pulser: 1\nslug: x", ["1:1 steps: `steps` is missing: what the plan does"]),
    (
        "pulser: 1\nslug: x\nstates: {}" + ONE_STEP,
        ["3:1 states: `states` is not supported in this version of the language"],
    ),
    (
        "pulser: 1\nslug: x\nparams: {type: array}" + ONE_STEP,
        ['3:16 params.type: expected "object", got "array": params have names'],
    ),
    (
        "pulser: 1\nslug: x\nparams: {properties: {n: {type: integer, default: x}}}" + ONE_STEP,
        ['3:51 params.properties.n.default: the default: expected a whole number, got "x"'],
    ),
    (
        "pulser: 1\nslug: x\nparams: {properties: {n: {$ref: 'http://x/y'}}}" + ONE_STEP,
        ['3:33 params.properties.n["$ref"]: expected a reference within the schema (#/...), got "http://x/y"'],
    ),
    (
        "pulser: 1\nslug: x\nparams: {properties: {n: {pattern: '('}}}" + ONE_STEP,
        [
            "3:36 params.properties.n.pattern: not a regular expression: missing ), unterminated subpattern "
            "at position 0"
        ],
    ),
    (
        HEAD
        + BUILD
        + "  - {id: a, uses: wait, with: {duration: 1}, needs: [c]}\n"
        + "  - {id: b, uses: wait, with: {duration: 1}, needs: [a]}\n"
        + "  - {id: c, uses: wait, with: {duration: 1}, needs: [b, build]}\n",
        ["13:53 steps[1].needs: circular dependency: a -> c -> b -> a"],
    ),
    (
        HEAD + BUILD + "finally:\n  - {id: a, uses: wait, with: {duration: 1}, needs: [build]}\n",
        ["14:46 finally[0].needs: `finally` steps run one after the other and have no `needs`"],
    ),
    (
        HEAD + BUILD + "finally:\n  - {id: build, uses: wait, with: {duration: 1}}\n",
        ["14:10 finally[0].id: the id `build` is already used by steps[0]; ids must be unique"],
    ),
    (
        HEAD
        + BUILD
        + "  - {id: a, uses: http, with: {url: '{{ steps.z.outputs.stdout }}'}}\n"
        + "finally:\n"
        + "  - {id: y, uses: http, with: {url: '{{ steps.build.outputs.stdout }}{{ steps.z.outputs.stdout }}'}}\n"
        + "  - {id: z, uses: shell, with: {run: x}}\n",
        [
            "13:38 steps[1].with.url: `z` is a `finally` step and runs after this one",
            "15:70 finally[0].with.url: `z` runs after this step",
        ],
    ),
    (
        HEAD + BUILD + 'outputs: {a: "{{ steps.build.outputs.commit }}", b: "{{ steps.bild.outputs.commit }}"}\n',
        ["13:54 outputs.b: unknown step `bild`; did you mean `build`?"],
    ),
]


@pytest.mark.parametrize(("text", "problems"), WHOLE_PLANS)
def test_what_a_plan_says_wrongly_is_said_at_its_place(text: str, problems: list[str]) -> None:
    assert said(text) == problems


def test_a_step_sees_what_runs_before_it_by_any_way() -> None:
    steps = "  - {id: a, uses: wait, with: {duration: 1}, needs: [build]}\n"
    steps += "  - {id: b, uses: http, with: {url: '{{ steps.build.outputs.commit }}'}, needs: [a]}\n"

    assert said_of_steps(steps) == []


def test_a_step_with_a_dash_in_its_name_can_be_named() -> None:
    steps = "  - {id: sign-off, uses: approval}\n"
    steps += "  - {id: b, uses: http, with: {url: '{{ steps.sign-off.outputs.by }}'}, needs: [sign-off]}\n"

    assert said_of_steps(steps) == []
