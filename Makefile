# Lead KPI Explorer. `make` alone lists what can be made.
# Each target makes what it needs in .venv; GNU make 3.81 (macOS) is enough.

VENV := .venv
PY := $(VENV)/bin/python
# The first of these that is 3.11 or newer and can make an environment is taken; PYTHON=... asks for one.
PYTHONS = $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3)
# Passed on to the program that the target runs: make test ARGS="-k cpl", make app ARGS="--server.port 8600"
ARGS ?=

LOCKS := test app check bench lock
LOCK = $(PY) -m uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --only-binary :all: --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help app test check format bench sample wheel lock clean venv $(LOCKS:%=install-%)

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

app: install-app  ## Open the app in the browser, with sample data ready to click
	@$(PY) -m streamlit run app.py $(if $(CI),--server.headless true) $(ARGS)

test: install-test  ## Run the tests
	@$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

check: install-check  ## Lint, look at the format, check the types of kpi/
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy

format: install-check  ## Bring all code into the format, and fix what ruff can
	@$(PY) -m ruff check --fix --exit-zero --quiet
	@$(PY) -m ruff format

bench: install-bench  ## Run the benchmarks
	@$(PY) -m benchmarks $(ARGS)

sample: install-app  ## Make the sample data again (seeded: the same files)
	@$(PY) -m sample_data $(ARGS)

wheel: install-test  ## Build the wheel into dist/
	@$(PY) -m hatchling build --target wheel

# Test is the largest set and made first; the others take its versions, so that all fit into one environment.
lock: install-lock  ## Make requirements/*.txt again (UPGRADE=1: with the newest versions)
	@$(LOCK) --extra app --group test -o requirements/test.txt >/dev/null
	@$(LOCK) --extra app -c requirements/test.txt -o requirements/app.txt >/dev/null
	@$(LOCK) --extra app --group check -c requirements/test.txt -o requirements/check.txt >/dev/null
	@$(LOCK) --extra app --group bench -c requirements/test.txt -o requirements/bench.txt >/dev/null
	@$(LOCK:pyproject.toml=) --group lock -o requirements/lock.txt >/dev/null
	@echo "Made $(LOCKS:%=requirements/%.txt)"

clean:  ## Remove the environment and everything built
	rm -rf $(VENV) dist .pytest_cache .ruff_cache .mypy_cache .hypothesis

# What is installed is remembered as a copy of the lock file. A lock file that changed makes the other sets look again.
$(LOCKS:%=install-%): install-%: venv
	@cmp -s requirements/$*.txt $(VENV)/$*.txt || { \
		echo "Installing what requirements/$*.txt locks (the first time takes a minute or two) ..."; \
		if [ -e $(VENV)/$*.txt ]; then rm -f $(LOCKS:%=$(VENV)/%.txt); fi; \
		$(PY) -m pip install --quiet --disable-pip-version-check --no-input \
			--require-hashes --only-binary :all: -r requirements/$*.txt && \
		cp requirements/$*.txt $(VENV)/$*.txt; }

# An environment is kept while its Python runs and its programs name this folder (else it was moved here).
venv:
	@if $(PY) -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		&& grep -qF "$(CURDIR)/$(VENV)/bin/" $(VENV)/bin/pip; then exit 0; fi; \
	rm -rf $(VENV); \
	for python in $(PYTHONS); do \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		if $$python -c 'import ensurepip' 2>/dev/null && $$python -m venv $(VENV); then \
			echo "Made $(VENV) with $$($(PY) --version)"; exit 0; fi; \
		rm -rf $(VENV); incomplete="$$incomplete $$python"; \
	done; \
	{ if [ -n "$$incomplete" ]; then \
		echo "Found$$incomplete, but without the parts that make an environment (venv, ensurepip)."; \
	else \
		echo "Found no Python 3.11 or newer (tried: $(PYTHONS))."; \
	fi; \
	echo "Install it, then run the same command again:"; \
	echo "  Debian, Ubuntu   apt-get install python3-venv (for a python3.X of its own: python3.X-venv)"; \
	echo "  Fedora           dnf install python3"; \
	echo "  macOS            brew install python3"; \
	echo "A Python elsewhere is named so: make app PYTHON=/path/to/python3"; } >&2; exit 1
