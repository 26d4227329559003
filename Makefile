# Everything runs in .venv, made by uv from requirements.lock. `make` alone explains the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup lab demo test test-fast test-all test-gpu notebooks prove lint lock clean

# Two files of tests at a time, the longest first (tests/conftest.py); one after the other: make test PARALLEL=
PARALLEL ?= -n 2 --dist loadfile --no-loadscope-reorder

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

# uv from the PATH; where there is none, pip brings it into a small environment of its own (.uv), which works
# without root and where the system's Python is "externally managed".
UV ?= $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)

# A service account has no home that it can write, and uv then needs to be told to keep nothing.
UV_CACHE := $(or $(UV_CACHE_DIR),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/uv)
ifneq ($(shell mkdir -p "$(UV_CACHE)" 2>/dev/null && test -w "$(UV_CACHE)" && echo yes),yes)
export UV_NO_CACHE := 1
endif

# What .venv is made with: a version, which uv finds or fetches, or the path of a Python 3.11.
BASE_PYTHON ?= 3.11
# `make test BROWSER=no` leaves out the tests that open pages in one, and says so.
BROWSER ?= yes

# Without bytecode every `import tensorflow` takes 10 s instead of 3, and that variable forbids it.
unexport PYTHONDONTWRITEBYTECODE
# What the shell that calls make has active must not leak into ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX
# The kernel that notebooks start is the one of .venv, whatever the user installed elsewhere.
export JUPYTER_PREFER_ENV_PATH := 1

help:  ## show this text
	@echo "A course on explaining networks that read medical images. Usage: make TARGET"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "Everything is installed in $(VENV), from requirements.lock; nothing needs root. Students with the zip follow its README."

setup: $(INSTALLED)  ## make the environment in .venv (the other targets do it too, when something changed)
	@$(OPEN) $(PACKAGES)
	@echo "setup: $(VENV) is ready."

.uv/bin/uv:
	@echo "setup: uv was not found; installing it in .uv"
	@python3 -m venv .uv || { rm -rf .uv; \
	    echo "setup: python3 cannot make a virtual environment (message above). On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo '*' > .uv/.gitignore
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.5,<1" || { rm -rf .uv; \
	    echo "setup: pip could not install uv (message above). With a network? Or install uv yourself and try again." >&2; exit 1; }

# As root, graded notebooks run as a user that owns nothing here, and must read what is installed and our packages, whatever
# the umask was when they were written. What uv links from its cache keeps the permissions that it has there.
OPEN = [ "$$(id -u)" != 0 ] || chmod -R go+rX
PACKAGES := data_fetch medxai warmkernel autograder

# uv leaves alone what is installed already, so this is quick when only pyproject.toml changed.
$(INSTALLED): requirements.lock pyproject.toml | $(filter .uv/bin/uv,$(UV))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	    { umask 022; "$(UV)" venv --quiet --clear --python "$(BASE_PYTHON)" $(VENV); }
	@echo "setup: installing the packages of requirements.lock in $(VENV)"
	@umask 022; "$(UV)" pip install --python $(PYTHON) --require-hashes --compile-bytecode --requirement requirements.lock
	@umask 022; "$(UV)" pip install --quiet --python $(PYTHON) --compile-bytecode --no-deps --editable .
	@$(OPEN) $(VENV)
	@touch $@

lab: setup  ## open JupyterLab on notebooks/ (arguments: make lab LAB_ARGS="--no-browser --port=9000")
	$(PYTHON) -m jupyterlab --ServerApp.root_dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_ARGS)

demo: setup  ## the main job on embedded data: build, release, take a class of submissions, grade, write feedback
	$(VENV)/bin/autograder demo

# Makes what the tests need beyond Python packages, or ends with one sentence before the first test.
ifeq ($(BROWSER),no)
NEEDS = echo "Not tested: the feedback pages and the box widget (tests/browser), because of BROWSER=no"
PYTEST = $(PYTHON) -m pytest --ignore=tests/browser
else
NEEDS = $(PYTHON) tests/needs.py $@
PYTEST = $(PYTHON) -m pytest
endif

test: setup  ## set everything up and run the tests (on 2 cores under 20 minutes)
	@$(NEEDS)
	$(PYTEST) $(PARALLEL) -m "not slow" $(PYTEST_ARGS)

test-fast: setup  ## the tests that start no kernel and draw next to nothing (on 2 cores under 3 minutes)
	$(PYTHON) -m pytest $(PARALLEL) -m "not slow and not kernel and not render" $(PYTEST_ARGS)

test-all: setup  ## every test, the slow ones too (on 2 cores under 45 minutes)
	@$(NEEDS)
	$(PYTEST) $(PARALLEL) $(PYTEST_ARGS)

test-gpu: setup  ## the notebooks in the gpu profile: NIH films, full networks. For a machine with a GPU and the data
	"$(UV)" pip install --python $(PYTHON) --editable ".[gpu]"
	MEDXAI_PROFILE=gpu $(PYTHON) -m pytest tests/notebooks $(PYTEST_ARGS)

notebooks: setup  ## write solutions/*.ipynb and notebooks/ again from the sources in solutions/
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
lock: setup  ## resolve both locks again, within what pyproject.toml allows (newest: make lock LOCK_ARGS=--upgrade)
	$(COMPILE) --extra dev $(LOCK_ARGS) --output-file requirements.lock
	$(COMPILE) $(LOCK_ARGS) --constraint requirements.lock --output-file requirements-student.lock

clean:  ## remove the environment and the caches of the tools (never course data)
	rm -rf $(VENV) .uv .pytest_cache .mypy_cache .ruff_cache .hypothesis
