# `make book` and `make test` each work as a first command: they need Python 3.11, 3.12 or 3.13 and pip, nothing else.
# PYTHON=… chooses the interpreter; ONLINE=1 lets notebooks use the network; WORKERS=… sets how many tests run at once.
# Each may be killed at any moment and called again.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ASSETS := data/cache/.fetched
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 \
	&& echo $$python && break; done)
WORKERS ?= 2
# Not what `make bench` repeats: three look for faults and take long, the last needs references that are not kept here.
APART := benchmarks/shake.py benchmarks/mutants.py benchmarks/fuzz.py benchmarks/alignment.py
OFFLINE := $(if $(ONLINE),,PYTHONPATH=$(CURDIR)/tests/offline)

.DEFAULT_GOAL := help
.PHONY: help book test lab assets lint format bench conformance shake mutants fuzz lock clean distclean
.DELETE_ON_ERROR:

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book: $(READY) $(ASSETS)  ## run every notebook and build the book, without a network
	@test ! -f src/diarbook/sphinx/rebuild.py || $(BIN)/python -m diarbook.sphinx.rebuild _build
	@$(OFFLINE) $(BIN)/jupyter-book build . -W -n --keep-going
	@echo "The book: $(CURDIR)/_build/html/index.html"

test: $(READY) $(ASSETS)  ## run every test and every notebook, without a network
	@$(OFFLINE) DIARBOOK_STRICT=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile --nbmake --nbmake-timeout=600 \
		--all-notebooks tests notebooks

lab: $(READY) $(ASSETS)  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab notebooks

assets: $(READY)  ## fetch models and recordings, and check those that are there
	@$(BIN)/diarbook fetch
	@mkdir -p $(dir $(ASSETS)) && touch $(ASSETS)

lint: $(READY)  ## check style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(READY)  ## bring the code into its style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: book  ## measure data/evidence again
	@for file in $(filter-out $(APART),$(wildcard benchmarks/*.py)); do \
		echo "$$file"; $(OFFLINE) $(BIN)/python "$$file" || exit 1; done

conformance: $(READY)  ## compare scorers on data/conformance
	@$(OFFLINE) $(BIN)/python benchmarks/conformance.py

shake: $(READY) $(ASSETS)  ## run numeric tests and notebooks as other processors would; writes data/evidence/shake.json
	@$(OFFLINE) $(BIN)/python benchmarks/shake.py

mutants: $(READY) $(ASSETS)  ## plant faults in the algorithms and count those that the tests find
	@$(OFFLINE) $(BIN)/python benchmarks/mutants.py

fuzz: $(READY) $(ASSETS)  ## feed broken files and odd options to every reader for ten minutes
	@$(OFFLINE) $(BIN)/python benchmarks/fuzz.py

lock:  ## resolve requirements.lock and environment.yml again (needs the network)
	@$(BIN)/python -m uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --no-emit-index-url \
		--no-header --no-annotate --all-extras pyproject.toml -o requirements.lock
	@$(BIN)/python .ci/environment.py > environment.yml

clean:  ## remove what was built; keep .venv and data/cache
	@rm -rf _build dist .pytest_cache .ruff_cache .hypothesis

distclean: clean  ## remove .venv and data/cache as well
	@rm -rf $(VENV) data/cache

$(ASSETS): data/audio.yaml data/models.yaml | $(READY)
	@rm -rf $(@D)/.download-*
	@$(BIN)/diarbook fetch
	@mkdir -p $(@D) && touch $@

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: Python 3.11, 3.12 or 3.13 with venv and pip is needed; install one," \
		"or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON); this takes a few minutes and about 7 GB, once."
	@# .ready goes first and comes back last: a set-up that was interrupted starts from an empty folder.
	@if test -f $@; then rm $@; else rm -rf $(VENV); fi
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@# pip is the way out where a mirror is configured for pip alone.
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/python -m uv pip sync --quiet --compile-bytecode requirements.lock \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@mkdir -p $(@D) && touch $@
