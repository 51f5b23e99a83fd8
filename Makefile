# `make demo` and `make test` do the whole set-up from a bare Python 3.11 or newer, in .venv.
#
#   make demo                 pendulums: make clips, train both stages, draw (under 10 minutes)
#   make test                 the tests
#   make check                ruff and mypy
#   make docs                 the documentation as a site, in docs/_build
#   make TORCH_INDEX= demo    with the platform's default build of torch (CUDA on Linux)
#   make PYTHON=python3.12 demo
#
# A choice of torch or Python holds for a new .venv: `make clean` removes the old one.

PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
TORCH ?= torch>=2.10,<2.14
# PyPI's torch for Linux brings several GB of CUDA packages; the CPU build is small.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install
# An index that does not answer is given up soon; what PyPI has then serves.
FROM_INDEX := $(if $(strip $(TORCH_INDEX)),--retries 1 --timeout 15 --extra-index-url $(TORCH_INDEX))

.PHONY: demo test check format docs setup clean

demo: $(VENV)/.package
	$(BIN)/vdsm demo

# A file of tests to each of two processes, each with one thread.
test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Every page and docstring; a warning is an error.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo docs/_build/index.html

setup: $(VENV)/.dev

clean:
	rm -rf $(VENV)

# A stamp per step: what is set up is not set up again until pyproject.toml changes.

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: | $(BIN)/python
	$(PIP) $(FROM_INDEX) "$(TORCH)"
	@touch $@

$(VENV)/.package: pyproject.toml $(VENV)/.torch
	$(PIP) --quiet --editable .
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.torch
	$(PIP) --quiet --editable ".[test]"
	@touch $@ $(VENV)/.package

$(VENV)/.dev: pyproject.toml $(VENV)/.torch
	$(PIP) --quiet --editable ".[dev]"
	@touch $@ $(VENV)/.test $(VENV)/.package

$(VENV)/.docs: pyproject.toml $(VENV)/.torch
	$(PIP) --quiet --editable ".[docs]"
	@touch $@ $(VENV)/.package
