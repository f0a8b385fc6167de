# PYTHON is only used to make the virtual environment; everything then runs inside it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
INSTANCES := $(wildcard instances/data/*.json instances/data/*.json.gz)
BENCHMARKS := $(filter-out %/__init__.py %/common.py %/bundle.py %/offload_report.py %/offload_study.py,$(wildcard benchmarks/*.py))
JOBS ?= 2

.PHONY: install demo test lint bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

# Every solver and baseline on the bundled instances: the table, and its picture in out/demo.
demo: $(STAMP)
	$(BIN)/splitfog compare $(INSTANCES) --solvers all --time-limit 10 --jobs $(JOBS) -o out/demo
	@echo "picture: out/demo/gaps-latency.png   page: out/demo/report.html"

test: lint
	$(BIN)/python -m pytest -q -n auto

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# One benchmark after another, each alone on the machine; never part of the tests.
bench: $(STAMP)
	set -e; for file in $(BENCHMARKS); do \
		module=$$(basename $$file .py); echo "== $$module"; $(BIN)/python -m benchmarks.$$module; \
	done

clean:
	rm -rf $(VENV) out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
