# offspec: every task of this repository, for people and for CI.
#
#   make demo      set up and run the whole job on the practice product
#   make test      set up and run the default test suite
#   make help      list all tasks
#
# Only Python 3.11 or newer with its venv module is needed. Stamp files in .venv keep later calls
# quick: packages are installed again only when pyproject.toml changes.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
WORKERS ?= 2
ARGS ?=

BIN := $(VENV)/bin
CREATED := $(VENV)/.created
CORE := $(VENV)/.installed-core
DEV := $(VENV)/.installed-dev
TORCH := $(VENV)/.installed-pretraining
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
# One thread a process for linear algebra: the workers already fill the cores.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
# Tests that need torch, beside those of pretraining.
TRAINED := $(addprefix tests/test_,trained.py training_loop.py flow.py student.py restored.py \
  from_onnx.py timm_backbone.py)
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest

.PHONY: help demo test slow check format lint types docs pretraining client web studio demo-studio browser wheel clean

help: ## List the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

$(CREATED):
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
	  echo "Python '$(PYTHON)' is missing or older than 3.11. offspec needs 3.11 or newer." \
	    "Install python3.11 and its venv module, or call make PYTHON=/path/to/python3.11." >&2
	  exit 2
	fi
	if ! "$(PYTHON)" -m venv "$(VENV)"; then
	  echo "No virtual environment could be made in '$(VENV)'. Python's venv module is needed." \
	    "On Debian: apt-get install python3-venv." >&2
	  exit 2
	fi
	touch "$@"

$(CORE): pyproject.toml | $(CREATED)
	@echo "Installing offspec into $(VENV) ..."
	$(PIP) --editable .
	touch "$@"

$(DEV): pyproject.toml | $(CREATED)
	@echo "Installing offspec and its development tools into $(VENV) ..."
	$(PIP) --editable '.[dev]'
	touch "$(CORE)" "$@"

$(TORCH): pyproject.toml | $(DEV)
	@echo "Installing torch and timm into $(VENV) ..."
	$(PIP) --editable '.[pretraining,torch]'
	touch "$@"

demo: $(CORE) ## Set up and run the whole job on the practice product (ARGS="--images 40")
	@$(BIN)/offspec demo $(ARGS)

test: $(DEV) ## Set up and run the default test suite (ARGS="-k template")
	@$(PYTEST) -n $(WORKERS) -m "not slow and not gpu" $(ARGS)

slow: $(DEV) ## Run the long tests
	@$(PYTEST) -m "slow and not gpu" $(ARGS)

lint: $(DEV) ## Check format and style
	@$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(DEV) ## Check types
	@$(BIN)/mypy

docs: $(DEV) ## Check command lines, links and names in the documentation
	@$(PYTEST) -q tests/test_docs.py tests/test_imports.py

pretraining: $(DEV) $(TORCH) ## Install torch and check the training code
	@$(BIN)/mypy --config-file pretraining/mypy.ini pretraining
	$(PYTEST) -n $(WORKERS) -m "not slow" tests/pretraining $(TRAINED) $(ARGS)

check: lint types test ## Everything a change has to pass (the suite holds the docs check)

format: $(DEV) ## Format the code and fix what can be fixed
	@$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

client: $(CORE) ## Make the studio's typed client from the server's OpenAPI
	@$(BIN)/python -m offspec.server.openapi > web/client/openapi.json
	cd web/client
	npm ci --no-fund --no-audit --silent
	npm run --silent make

web: client ## Install, check, test and build the studio (needs Node 20.19 or newer)
	@cd web
	npm ci --no-fund --no-audit
	npm run lint
	npm run types
	npm test
	npm run build

studio: client ## Build the studio into the package, without its checks
	@cd web
	npm ci --no-fund --no-audit --silent
	npm run --silent build > /dev/null

demo-studio: studio ## Build the studio and serve it with the practice product loaded
	@$(BIN)/offspec serve --demo --data demo-studio $(ARGS)

browser: studio ## Check the studio in a real Chromium, against a real server (ARGS="flow")
	@cd web
	npm run --silent e2e -- $(ARGS)

wheel: studio $(CORE) ## Build the wheel, studio included, into dist/
	@rm -f dist/offspec-*.whl
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	$(BIN)/python -m zipfile --list dist/offspec-*.whl | grep server/studio/index.html > /dev/null
	ls dist/offspec-*.whl

clean: ## Remove the virtual environment and everything generated
	@rm -rf $(VENV) build dist demo-output demo-studio web/node_modules web/client/node_modules src/offspec/server/studio web/look .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
