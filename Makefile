# make bench: install once, run every claim at the quick profile, print the verdicts and where the report is.
# make install: that set-up alone.
# make test:  the same set-up, then the tests that take no more than seconds.
# make check: the same set-up, then the site, linters, types and every test.
# make campaign: the same set-up, then planted weaknesses, sound models and cheating attacks against qaml itself, and
#                faults: killed runs, damaged files, full disks, several runs at once, hostile input; all of it resumed;
#                then the whole of the simulations that tests draw a fixed sample of.
# make baseline: every claim at the quick profile again; baselines/quick.json accepts what they measured: commit both files.
# make dist:  what a release publishes, in dist/, built and checked; with the tools in .venv.
# make reference: writes the generated pages of docs/reference anew.
# make docs:  the same set-up, then docs/ as HTML, in docs/_build/html.
# make site:  the same set-up, then docs/ and the pages of the published reports as one site, in site/.
#
# PYTHON       an interpreter of Python 3.11 to 3.13 (default: python3)
# TORCH_INDEX  an index of PyTorch builds, such as one for CPUs only (default: pip's own)
# ARGS         more arguments for pytest

PYTHON ?= python3
TORCH_INDEX ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# modules are compiled as they are imported: most never are
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt

# Tests start many processes: compiled files may stay for the next one.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: reference bench baseline install test check campaign docs site dist report performance clean

bench: $(READY)
	$(BIN)/pytest benchmarks/ -n auto --maxschedchunk=1 $(ARGS)

baseline: bench
	$(BIN)/qaml baseline save baselines/quick.json

install: $(READY)

# worksteal keeps the tests of a file together, so that what they share is made once
TEST := $(BIN)/pytest tests -p hypothesispytest -n auto --dist worksteal --durations 20

test: $(READY)
	$(TEST) -m "not slow" $(ARGS)

check: site
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	@# types beside the tests, whose last ones leave cores idle
	$(BIN)/mypy & types=$$!; $(TEST) $(ARGS) && wait $$types

campaign: $(READY)
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m tests.campaign $(ARGS)
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m tests.campaign.faults -n 2
	QAML_WHOLE=1 $(BIN)/pytest $$(grep -rl tests.campaign.whole tests --include='test_*.py') -n auto

report: $(READY)
	$(BIN)/qaml report

SPHINX := $(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --quiet

reference: $(READY)
	PYTHONPATH=docs/_ext $(BIN)/python -m reference

docs: $(READY)
	$(SPHINX) docs docs/_build/html
	@echo "docs: docs/_build/html/index.html"

site: $(READY)
	for each in reports/published/*; do $(BIN)/qaml report $$each --output site/reports/$${each##*/} >/dev/null || exit; done
	$(SPHINX) --tag site --doctree-dir docs/_build/site docs site
	@echo "site: site/index.html"

performance: $(READY)
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python benchmarks/performance

dist: $(READY)
	$(PIP) --editable '.[release]'
	rm -rf dist
	$(BIN)/python -m build --quiet
	$(BIN)/twine check --strict dist/*

clean:
	rm -rf $(VENV) .qaml reports/latest docs/_build dist site

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("qaml needs Python 3.11 to 3.13, and $(PYTHON) is %d.%d: name another, as in make bench PYTHON=python3.12" % v)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(PIP) --editable '.[dev,docs]'
	touch $@
