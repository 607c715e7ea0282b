# Pitwire's commands for people who work on it: `make help` lists them, docs/development.md explains them.
# Every target that needs the environment makes .venv first, from requirements-dev.lock, and only when it has changed.

PYTHON ?= python3
ARGS ?=

ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif

CODE := actors bus schemas kernels tui tests $(wildcard benchmarks) .ci/venv.py .ci/processes.py .ci/fuzz.py

.PHONY: help setup run demo test check fuzz bench picture lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-7s %s\n' "$$name" "$$text"; done

setup: ## make .venv from the lock file, if it is not already so
	@$(PYTHON) .ci/venv.py .ci/processes.py

run: setup ## the floor and its screen; q ends both. ARGS="--home DIR"
	@$(BIN)/pitwire run $(ARGS)

demo: setup ## a complete private floor to the end of its data. ARGS="--seconds 60 --json"
	@$(BIN)/pitwire demo $(ARGS)

test: setup ## all tests. ARGS="-k guard -x"
	@$(BIN)/python -m pytest $(ARGS)

check: setup ## ruff, its formatter, mypy --strict, the layer test, and the kernels under the sanitizers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(CODE)
	@$(BIN)/python -m pytest --quiet --no-header tests/test_layers.py
	@$(BIN)/python .ci/fuzz.py --runs 3000

fuzz: setup ## the kernels with random inputs under the sanitizers, 5 s each. ARGS="--seconds 60 --seed 7"
	@$(BIN)/python .ci/fuzz.py $(ARGS)

bench: setup ## latency, throughput, start, memory, screens, each with its reference. ARGS="--quick"
	@PYTHONPATH=tests $(BIN)/python benchmarks/spine.py $(ARGS)
	@PYTHONPATH=tests $(BIN)/python benchmarks/floor.py $(ARGS)
	@$(BIN)/python benchmarks/indicators.py $(ARGS)
	@$(BIN)/python benchmarks/engine.py $(ARGS)
	@$(BIN)/python benchmarks/peers.py $(ARGS)

picture: setup ## draw docs/floor.svg and the tests' pictures of the screens again
	@$(BIN)/python tests/screenshots.py

lock: setup ## resolve pyproject.toml again into both lock files. ARGS="--upgrade" or "--upgrade-package NAME"
	@$(BIN)/uv pip compile $(UV_LOCK) $(ARGS) pyproject.toml --output-file requirements.lock
	@$(BIN)/uv pip compile $(UV_LOCK) $(ARGS) pyproject.toml --group dev \
		--constraint requirements.lock --output-file requirements-dev.lock

# One resolution for every platform and Python version, with the hash of every file; no registry's name is written.
UV_LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line

clean: ## remove the environment, caches and build output; var/ stays
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find actors bus schemas kernels tui tests .ci $(wildcard benchmarks) -name __pycache__ -type d -prune \
		-exec rm -rf {} +
