# Every target makes its own .venv and installs what it needs. Needed on the machine: Python 3.11 or newer with venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
comma := ,

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz check bench stubs parity docs clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(VENV)/installed-plot,progress  ## train ADALINE in the lectures' three ways; loss curve and graph into build/
	@mkdir -p build
	@$(BIN)/python -m tapegrad adaline --way all --plot build/adaline.png --graph build/adaline.html

test: $(VENV)/installed-$(if $(TORCH),test$(comma)torch,test)  ## the tests; `make test TORCH=1` also compares with PyTorch
	@$(BIN)/python -m pytest
	@TAPEGRAD_NATIVE=0 $(BIN)/python -m pytest tests/test_tiny.py

fuzz: $(VENV)/installed-test,torch  ## random programs beside PyTorch (PROGRAMS=100000, SEED=, FIRST=); MINUTES=N: so long, then kernels
	@$(BIN)/python -m tests.ops.fuzz --programs $(or $(PROGRAMS),100000) --seed $(or $(SEED),0) --first $(or $(FIRST),0) $(if $(MINUTES),--minutes $(MINUTES))
	@$(if $(MINUTES),$(BIN)/python -m tests.native.fuzz --minutes $(MINUTES))

check: $(VENV)/installed-dev  ## ruff, formatting, mypy, layers, stubs, sizes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tools.layers
	@$(BIN)/python -m tools.stubs --check
	@$(BIN)/python -m tools.sizes

bench: $(VENV)/installed-bench  ## side by side with PyTorch, in alternating rounds
	@$(BIN)/python -m benchmarks

stubs: $(VENV)/installed-dev  ## write the type stubs anew
	@$(BIN)/python -m tools.stubs

parity: $(VENV)/installed-test,torch  ## compare names and arguments with PyTorch's; writes docs/parity.md
	@$(BIN)/python -m tools.parity

docs: $(VENV)/installed-docs  ## build the documentation into site/
	@$(BIN)/mkdocs build --strict

clean:  ## remove what the targets made
	rm -rf $(VENV) build site .mypy_cache .ruff_cache .pytest_cache .hypothesis


# One stamp file per set of extras. A set is installed again when pyproject.toml changes.
$(VENV)/installed-%: pyproject.toml | $(VENV)/pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$*]'
	@touch $@

$(VENV)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "tapegrad needs Python 3.11 or newer; say which with: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing; on Debian: apt install python3-venv" >&2; exit 1; }
	@touch $@
