# Two commands do all: `make demo` and `make test`. The rest are their parts.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
# Test processes side by side: two of them run journeys, which mostly wait for the clock, the third fills the gaps.
WORKERS ?= 3
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
export UV_PYTHON_DOWNLOADS := never

.PHONY: demo test check format bench soak mutants setup clean

demo: setup
	$(BIN)/elearn demo $(if $(filter only,$(WALK)),--walk-only) $(if $(LAN),--lan)

test: setup
	$(BIN)/python -m tests.prepare
	$(MAKE) check

check:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	$(BIN)/python -m bench

soak: setup
	$(BIN)/python -m tests.prepare
	$(BIN)/python -m bench.soak

# Breaks each rule of watching on purpose, one at a time, in a copy: some test must see it. Takes minutes.
mutants: setup
	$(BIN)/python -m tests.mutants

# The pages' scripts follow their sources: also after a pull that left all else as it was. So does the byte code: where
# Python is told to keep none (containers do), each of the product's processes would compile all of it again.
setup: $(STAMP)
	@$(BIN)/python hatch_build.py
	@$(BIN)/python -m compileall -q elearn media

# uv resolves and installs in seconds what takes pip a minute; it comes from the same index as all else.
$(STAMP): Makefile pyproject.toml requirements.lock hatch_build.py frontend/package-lock.json
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $(STAMP)

clean:
	rm -rf $(VENV) var dist build elearn/pages/static/build frontend/node_modules
