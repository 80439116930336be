# One word does each thing; `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup up test soak check bench migrate lock

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(STAMP): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(STAMP)  ## install everything, pinned and hashed, into .venv

up: setup  ## start broker, database and the four services; Ctrl-C stops them
	@$(BIN)/motcua up --tied $(ARGS)

test: setup  ## run the tests on a real broker and a real database
	@tests/parts
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

soak: setup  ## the tests marked "soak": the same promises at full size, one after another
	@tests/parts
	@$(BIN)/pytest -m soak --timeout 3600 $(ARGS)

check: setup  ## style, import contracts, deployment files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	@if [ -x deploy/check ]; then deploy/check $(BIN); fi

migrate: setup  ## bring the stores of a running instance to the newest schema
	@$(BIN)/motcua migrate $(ARGS)

bench: setup  ## events per second, beside two baselines
	@$(BIN)/python -m tests.bench $(ARGS)

lock:  ## resolve requirements/ anew (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements/runtime.txt
	uv pip compile pyproject.toml --group build --group dev -c requirements/runtime.txt --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements/dev.txt
