# Everything runs in .venv, created by uv from requirements.lock. `make` without arguments lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup lab demo test test-fast test-all test-gpu notebooks prove lint lock clean

# Two test files at a time, the longest first (tests/conftest.py); to run them one by one: make test PARALLEL=
PARALLEL ?= -n 2 --dist loadfile --no-loadscope-reorder

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

# uv from the PATH; otherwise pip installs it into a small separate environment (.uv), which works without root and if
# the system's Python is "externally managed".
UV ?= $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)

# uv keeps a cache in the home folder; a service account may have no home that it can write to.
UV_CACHE := $(or $(UV_CACHE_DIR),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/uv)
ifneq ($(shell mkdir -p "$(UV_CACHE)" 2>/dev/null && test -w "$(UV_CACHE)" && echo yes),yes)
export UV_NO_CACHE := 1
endif

# The Python for .venv: a version, which uv finds or downloads, or the path of a Python 3.11.
BASE_PYTHON ?= 3.11
# `make test BROWSER=no` skips the tests that open pages in a browser, and says so.
BROWSER ?= yes

# This variable disables bytecode, without which every `import tensorflow` takes 10 s instead of 3.
unexport PYTHONDONTWRITEBYTECODE
# An environment that is active in the calling shell must not affect ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX
# Notebooks start the kernel of .venv, whatever the user has installed elsewhere.
export JUPYTER_PREFER_ENV_PATH := 1

help:  ## show this text
	@echo "A course on explaining networks for medical images. Usage: make TARGET"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "Everything is installed in $(VENV), from requirements.lock; root is not needed. For the student zip, see its README."

setup: $(INSTALLED)  ## create the environment in .venv (the other targets update it automatically)
	@$(OPEN) $(PACKAGES)
	@echo "setup: $(VENV) is ready."

.uv/bin/uv:
	@echo "setup: uv not found; installing it in .uv"
	@python3 -m venv .uv || { rm -rf .uv; \
	    echo "setup: python3 cannot create a virtual environment (see above). On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo '*' > .uv/.gitignore
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.5,<1" || { rm -rf .uv; \
	    echo "setup: pip could not install uv (see above). Check the network connection, or install uv yourself and try again." >&2; exit 1; }

# If run as root, graded notebooks run as a user that owns nothing here but must be able to read the installed packages and
# ours, whatever the umask was when they were written. Files that uv links from its cache keep their permissions.
OPEN = [ "$$(id -u)" != 0 ] || chmod -R go+rX
PACKAGES := data_fetch medxai warmkernel autograder

# uv skips what is already installed, so this is quick if only pyproject.toml has changed.
$(INSTALLED): requirements.lock pyproject.toml | $(filter .uv/bin/uv,$(UV))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	    { umask 022; "$(UV)" venv --quiet --clear --python "$(BASE_PYTHON)" $(VENV); }
	@echo "setup: installing the packages of requirements.lock in $(VENV)"
	@umask 022; "$(UV)" pip install --python $(PYTHON) --require-hashes --compile-bytecode --requirement requirements.lock
	@umask 022; "$(UV)" pip install --quiet --python $(PYTHON) --compile-bytecode --no-deps --editable .
	@$(OPEN) $(VENV)
	@touch $@

lab: setup  ## open JupyterLab in notebooks/ (with arguments: make lab LAB_ARGS="--no-browser --port=9000")
	$(PYTHON) -m jupyterlab --ServerApp.root_dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_ARGS)

demo: setup  ## the whole workflow on embedded data: build, release, collect the submissions of a class, grade, write feedback
	$(VENV)/bin/autograder demo

# Installs what the tests need beyond Python packages, or stops with one sentence before the first test.
ifeq ($(BROWSER),no)
NEEDS = echo "Not tested because of BROWSER=no: the feedback pages and the box widget (tests/browser)"
PYTEST = $(PYTHON) -m pytest --ignore=tests/browser
else
NEEDS = $(PYTHON) tests/needs.py $@
PYTEST = $(PYTHON) -m pytest
endif

test: setup  ## install everything and run the tests (on 2 cores under 20 minutes)
	@$(NEEDS)
	$(PYTEST) $(PARALLEL) -m "not slow" $(PYTEST_ARGS)

test-fast: setup  ## the tests without kernels and with hardly any rendering (on 2 cores under 3 minutes)
	$(PYTHON) -m pytest $(PARALLEL) -m "not slow and not kernel and not render" $(PYTEST_ARGS)

test-all: setup  ## all tests, including slow ones (on 2 cores under 45 minutes)
	@$(NEEDS)
	$(PYTEST) $(PARALLEL) $(PYTEST_ARGS)

test-gpu: setup  ## the notebooks in the gpu profile: NIH films, full networks. Needs a GPU and the data
	"$(UV)" pip install --python $(PYTHON) --editable ".[gpu]"
	MEDXAI_PROFILE=gpu $(PYTHON) -m pytest tests/notebooks $(PYTEST_ARGS)

notebooks: setup  ## regenerate solutions/*.ipynb and notebooks/ from the sources in solutions/
	$(VENV)/bin/autograder build
	$(VENV)/bin/autograder release

prove: setup  ## show that each wrong answer loses exactly the marks it should
	$(VENV)/bin/autograder prove

lint: setup  ## ruff and mypy
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

COMPILE = "$(UV)" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-header --no-annotate pyproject.toml
lock: setup  ## resolve both locks again, within pyproject.toml (newest versions: make lock LOCK_ARGS=--upgrade)
	$(COMPILE) --extra dev $(LOCK_ARGS) --output-file requirements.lock
	$(COMPILE) --extra labs $(LOCK_ARGS) --constraint requirements.lock --output-file requirements-student.lock

clean:  ## remove the environment and the tools' caches (never course data)
	rm -rf $(VENV) .uv .pytest_cache .mypy_cache .ruff_cache .hypothesis
