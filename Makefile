# make check   set up, then review a sample notebook: the whole pipeline, on this machine's CPU
# make test    set up, then every test
# make lint | bench | setup | clean
#
# Needs Python 3.11-3.13 (with venv), make, and pip's package index. Settings:
#   PYTHON=/path/to/python   which Python makes the environment (default: the first fitting one)
#   TORCH='torch==2.9.1'     which PyTorch is installed (default: a CPU build that is known to work,
#                            or the newest CUDA build where nvidia-smi finds a GPU)
#   GRADER_HOME=folder       where models, data and runtimes lie (default: runs/classroom)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := check
.PHONY: setup check test runtimes lint bench clean isolation

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
SAMPLE := tests/corpus/correct/submission.ipynb
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input

export GRADER_HOME ?= $(CURDIR)/runs/classroom
# Small models are fastest on one thread; on a busy machine two were 3.5 times slower.
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false

setup: $(STAMP) isolation

# Redone when the dependencies change. /usr/bin first: the sandbox's own user can read that one.
$(STAMP): pyproject.toml
	@if [ ! -x $(BIN)/python ]; then \
	  for python in $(PYTHON) /usr/bin/python3.{11,12,13} python3.{11,12,13} python3 python; do \
	    "$$python" -c 'import sys, venv, ensurepip; assert (3, 11) <= sys.version_info[:2] < (3, 14)' \
	      2>/dev/null || continue; \
	    echo "setup: $(VENV) with $$("$$python" --version) ($$(command -v "$$python"))"; \
	    "$$python" -m venv $(VENV); break; \
	  done; \
	  [ -x $(BIN)/python ] || { echo "setup: no Python 3.11-3.13 with venv found; give one by PYTHON=..." >&2; exit 1; }; \
	fi
	@torch="$(TORCH)"; \
	if [ -z "$$torch" ]; then \
	  if nvidia-smi >/dev/null 2>&1; then torch=torch; else torch=torch==2.13.0; fi; \
	fi; \
	if [ -n "$(TORCH)" ] || ! $(BIN)/python -c 'import torch' 2>/dev/null; then \
	  echo "setup: installing $$torch"; $(PIP) "$$torch"; \
	fi
	@echo "setup: installing the grader and what it needs"
	@$(PIP) -e '.[run,batch,peers,dev]'
	@touch $@

# Notebooks run in bubblewrap, or not at all. Not there and not to be had: one line, no failure.
isolation:
	@if [ "$$(uname -s)" = Linux ] && ! command -v bwrap >/dev/null; then \
	  as_root=; [ "$$(id -u)" = 0 ] || as_root="sudo -n"; \
	  if command -v apt-get >/dev/null && $$as_root true 2>/dev/null; then \
	    echo "setup: installing bubblewrap"; \
	    { $$as_root apt-get update -qq && $$as_root apt-get install -y -qq bubblewrap; } >/dev/null 2>&1 || true; \
	  fi; \
	  command -v bwrap >/dev/null || echo "setup: no bubblewrap, so notebooks can't be isolated (install it: sudo apt install bubblewrap)"; \
	fi

# The sample is ours, so it may run without isolation where there is none; the report says so too.
check: setup
	@isolation=auto; \
	if ! $(BIN)/python -c "from grader import sandbox; sandbox.choose('auto')" 2>/dev/null; then \
	  isolation=none; echo "check: NOT ISOLATED: no working sandbox here; the sample is trusted"; \
	fi; \
	CUDA_VISIBLE_DEVICES= $(BIN)/grader check $(SAMPLE) --run --profile pocket --isolation $$isolation --out runs/check

# Three processes on two cores: half of the time is waiting for kernels and clocks.
test: setup runtimes
	@$(BIN)/python -m pytest -q -n 3 --dist worksteal

# What notebooks of 2021-2024 need; a test that lacks it is skipped and says so.
runtimes: $(STAMP)
	@$(BIN)/grader setup --runtime 2024 >/dev/null || echo "setup: no runtime 2024; tests that need it are skipped"

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

# Measurements, not tests: minutes each, and only worth reading on a quiet machine.
bench: setup
	@for file in benchmarks/[a-z]*.py; do \
	  name=$$(basename "$$file" .py); echo "== benchmarks.$$name"; $(BIN)/python -m "benchmarks.$$name"; \
	done

clean:
	rm -rf $(VENV) runs build dist .pytest_cache .ruff_cache .hypothesis
