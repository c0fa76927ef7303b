# One door: what CI runs is what a contributor runs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
HIBAYES_PYTHON ?= python3.12
HIBAYES_VENV ?= .venv-hibayes
HIBAYES ?= hibayes @ git+https://github.com/UKGovernmentBEIS/hibayes@16900a326cf0f9d5f7e48344230f83883f62a796
DEMO_LOGS ?= logs/demo
DEMO_REPORT ?= reports/demo

.DEFAULT_GOAL := help
.PHONY: help setup check format test test-slow test-hibayes hibayes demo bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: $(STAMP) ## make the virtual environment and install the project into it

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt 'torch==2.13.0'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

check: setup ## format, lint, types, import walls
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	MYPYPATH=src $(BIN)/mypy -p diffgauge
	MYPYPATH=src $(BIN)/mypy tests benchmarks
	$(BIN)/lint-imports

format: setup ## apply the formatter and the linter's safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: setup ## the test suite (unit and tiny tiers)
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: setup ## the slow tier: minutes
	$(BIN)/python -m pytest -m slow

hibayes: ## HiBayES in an environment of its own (HIBAYES=folder takes a copy of its repository)
	$(HIBAYES_PYTHON) -m venv $(HIBAYES_VENV)
	$(HIBAYES_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-hibayes.txt
	$(HIBAYES_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation '$(HIBAYES)'
	$(HIBAYES_VENV)/bin/hibayes-full --help > /dev/null

test-hibayes: setup ## both engines against each other (after make hibayes)
	$(BIN)/python -m pytest -m hibayes

demo: setup ## the main job, offline: investigate, grade, report
	$(BIN)/diffgauge demo --logs $(DEMO_LOGS) --report $(DEMO_REPORT)

bench: setup ## the benchmarks, each as a ratio against a stated alternative
	$(BIN)/python -m benchmarks

clean: ## remove the environment, caches and the demo's output
	rm -rf $(VENV) $(DEMO_LOGS) $(DEMO_REPORT) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
