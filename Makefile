# `make repro` and `make test` need nothing but Python 3.11 to 3.13, git, make and a package index.
.DEFAULT_GOAL := help
.PHONY: help install repro table test bench lint types format clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PEERS := .venv-bench
MEASURABLE := $(PEERS)/.installed
COMPARISON := report/comparison.md
# Stages run as `python -m stages.NAME`; this makes that python the pinned one.
export PATH := $(CURDIR)/$(BIN):$(PATH)

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

install: $(INSTALLED) ## create .venv with the pinned dependencies

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "finesent needs Python 3.11, 3.12 or 3.13; name one with make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

repro: $(INSTALLED) ## run what has changed, and print the comparison
	@python -m finesent.params.check
	@mkdir -p .work && touch .work/started
	dvc repro
	@# The compare stage prints its table; where nothing had to run, the last one is shown.
	@[ $(COMPARISON) -nt .work/started ] || cat $(COMPARISON)

table: $(INSTALLED) ## print the last comparison
	@cat $(COMPARISON)

test: $(INSTALLED) lint types ## lint, types and tests, with coverage
	python -m pytest -n 2 --dist worksteal --cov --cov-report=term --cov-fail-under=90

bench: $(INSTALLED) $(MEASURABLE) ## measure ours beside its peers (hours), and write docs/performance.md
	python -m benchmarks.bench

$(MEASURABLE): benchmarks/requirements.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

lint: $(INSTALLED) ## check style and format
	ruff check .
	ruff format --check .

types: $(INSTALLED) ## check types
	mypy

format: $(INSTALLED) ## put the code into its format
	ruff check --fix .
	ruff format .

clean: ## remove the environments, checkpoints and caches of tools (never data or results)
	rm -rf $(VENV) $(PEERS) .work .mypy_cache .ruff_cache .pytest_cache .coverage*
