# Everything a person does with this checkout. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: up test siege lint format bench screens fuzz chaos soak upgrade lock help runtime tools
TESTS ?=
WORKERS ?= 3
# Some environments forbid Python to keep what it has compiled: then each process compiles every test anew.
PYTEST = env PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest

up: runtime ## start the control room (http://127.0.0.1:8000/); Ctrl-C stops it
	@exec .venv/bin/controlroom up

test: tools ## run the tests, on real servers and a real browser; TESTS=tests/runs runs some
	@.ci/browser
	@exec $(PYTEST) -n $(WORKERS) --dist worksteal $(TESTS)

siege: tools ## run the long tests: a minute of chaos, a short fuzz, an upgrade in mid-run, whole control rooms
	@exec $(PYTEST) -n 2 --dist loadfile -m siege

lint: tools ## check format, style, types, import contracts and sizes
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -q -p no:cacheprovider tests/test_architecture.py

format: tools ## put the code into shape
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: tools ## measure speed and growth, a quarter of an hour; ONLY=hook measures one part (docs/performance.md)
	@exec .venv/bin/python -m bench $(if $(ONLY),--only $(ONLY),--growth)

screens: tools ## photograph every page in both themes and on a phone, into test-results/screens
	@exec .venv/bin/python -m screens

fuzz: tools ## send bad input to everything that takes any, five minutes; SEED=7 gives the same again
	@exec .venv/bin/python -m fuzz $(if $(SEED),--seed $(SEED))

chaos: tools ## attack it under load and check that nothing is lost, five minutes; SEED=7 gives the same again
	@exec .venv/bin/python -m chaos $(if $(SEED),--seed $(SEED))

soak: tools ## twenty minutes of load without an attack: does the memory of each process stay flat?
	@exec .venv/bin/python -m chaos --soak $(if $(SEED),--seed $(SEED))

upgrade: tools ## exchange the release before this one for this one in mid-run, part by part; needs the git history
	@exec .venv/bin/python -m chaos.upgrade

lock: ## compile the lock files anew (needs uv)
	uv pip compile $(COMPILE) --extra embedded pyproject.toml -o requirements.lock
	uv pip compile $(COMPILE) --extra embedded --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

runtime:
	@.ci/venv requirements.lock

tools:
	@.ci/venv requirements-dev.lock

COMPILE = --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
