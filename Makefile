# Every target makes .venv first; all it needs is Python 3.11 or later, git and make.
#
#   make drill       run the packaged plan's fire drills
#   make test        run the test suite        (make test ARGS="-k sandbox" narrows it down)
#   make check       lint, types, imports, build, the form of JUnit files
#   make catalogue   run every variant, and write docs/catalogue.md from what came of it
#   make findings    ablate and mutate the packaged plan, and write docs/findings.md from what came of it
#   make samples     run the drills whose reports are in reports/samples/, and replace those
#   make bench       measure what a drill costs (bench-suite: the whole plan; bench-containers: in containers)
#   make clean       throw away .venv and whatever tools left behind

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help drill test check lint types imports build junit samples catalogue findings bench bench-suite bench-containers clean
.NOTPARALLEL:

help:
	@sed -n 's/^#   //p' Makefile

drill: $(READY)
	$(BIN)/drillbook run $(ARGS)

test: $(READY)
	$(BIN)/python .ci/test.py $(ARGS)

check: lint types imports build junit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions docs/ci/action.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows docs/ci/github-workflow.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.gitlab-ci docs/ci/gitlab-ci.yml

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

build: $(READY)
	$(BIN)/python .ci/check_build.py

junit: $(READY)
	$(BIN)/python .ci/check_junit.py

catalogue: $(READY)
	$(BIN)/python .ci/catalogue.py $(ARGS)

findings: $(READY)
	$(BIN)/python .ci/findings.py $(ARGS)

samples: $(READY)
	$(BIN)/python .ci/samples.py $(ARGS)

bench: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench
	$(BIN)/python -m benchmarks $(ARGS)

bench-suite bench-containers: $(READY)
	$(BIN)/python -m benchmarks.$(@:bench-%=%) $(ARGS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Made anew only when what is to be installed has changed, or the way to install it.
$(READY): pyproject.toml .ci/venv .ci/get_pip.py
	@sh .ci/venv "$(PYTHON)" $(VENV)
	@touch $@
