# One command a wish. The first one makes .venv and installs the stack, later ones reuse it.
PYTHON ?= python3
# Another torch, e.g. for one CUDA version: make test TORCH='torch --index-url https://…'
TORCH ?= torch==2.13.0

export PIP_REQUIRE_VIRTUALENV := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# torch alone is thousands of files of which a run imports few: these get compiled when imported.
PIP := .venv/bin/python -m pip install --quiet --no-compile
# The name of the stamp is a checksum of all that decides what stands in .venv.
STAMP := .venv/installed-$(shell (cat requirements/*.txt setup.py; echo '$(TORCH)') | cksum | cut -d' ' -f1)

.PHONY: help install demo docs test test-slow test-matrix lint format clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##/make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

install: $(STAMP)  ## .venv with the stack of requirements/

$(STAMP):
	@echo '[1/4] .venv'
	@$(PYTHON) -m venv .venv
	@echo '[2/4] $(TORCH) (200 MB for the CPU, more with CUDA)'
	@$(PIP) $(TORCH)
	@echo '[3/4] requirements'
	@$(PIP) -r requirements/runtime.txt -r requirements/tests.txt
	@$(PIP) --no-deps -r requirements/mm.txt -r requirements/classification.txt
	@echo '[4/4] mmuda'
	@$(PIP) --no-deps --no-build-isolation --editable .
	@rm -f .venv/installed-*
	@touch $@

demo: $(STAMP)  ## generate the toy set, train source-only and STCT on it, print a table, write a picture
	@.venv/bin/python tools/demo.py

test: $(STAMP)  ## all tests but the slow ones
	@.venv/bin/python -m pytest -m 'not slow' --numprocesses auto --dist worksteal

test-slow: $(STAMP)  ## the slow tests
	@.venv/bin/python -m pytest -m slow

# The smoke part: what an installation imports, says and trains in two steps.
SMOKE := tests/test_package.py tests/test_compat.py tests/test_plugin.py
PYTHONS ?= python3.10 python3.11 python3.12 python3.13
TORCHES ?= torch==2.6.0 $(TORCH)

test-matrix:  ## the smoke part with each of PYTHONS that is here and each of TORCHES
	@for python in $(PYTHONS); do \
	    $$python -c '' 2> /dev/null || { echo "$$python: not here"; continue; }; \
	    for torch in $(TORCHES); do \
	        folder=$$(mktemp -d) && git archive HEAD | tar -x -C $$folder && echo "$$python, $$torch" && \
	        $(MAKE) -s -C $$folder install PYTHON=$$python TORCH="$$torch" && \
	        (cd $$folder && .venv/bin/python -m pytest -q -m 'slow or not slow' $(SMOKE)) || exit 1; \
	        rm -rf $$folder; \
	    done; \
	done

lint: $(STAMP)  ## ruff: rules and format
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check

format: $(STAMP)  ## let ruff repair what it can
	@.venv/bin/ruff check --fix-only
	@.venv/bin/ruff format

docs: $(STAMP)  ## the documentation as a site, build/site/index.html; nothing is loaded while it is built
	@$(PIP) -r requirements/docs.txt
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

clean:  ## remove .venv and all caches
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
