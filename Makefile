# Two commands for a fresh machine with Python and make: `make demo` and `make test`.
PYTHON ?= python3
DEMO := .demo
VENV := .venv
INSTALL = $(PYTHON) -m venv $(1) && $(1)/bin/python -m pip install --quiet --upgrade pip

.PHONY: demo test unit e2e check clean

demo: $(DEMO)/installed  ## Run examples/shop with four workers
	cd examples/shop && ../../$(DEMO)/bin/python -m pytest --orchestrate -n 4

test: unit e2e  ## Run all tests

# The same examples each time, so that what they cover is the same: `pytest tests/property` looks for new ones.
unit: $(VENV)/installed  ## Unit and property tests: they alone cover every branch of scheduling/, judgement/ and diagnosis/
	$(VENV)/bin/python -m coverage run --source=src/pytest_orchestra/scheduling,src/pytest_orchestra/history/judgement,src/pytest_orchestra/diagnosis -m pytest --hypothesis-seed=1 tests/unit tests/property
	$(VENV)/bin/python -m coverage report --show-missing --skip-covered --fail-under=100

e2e: $(VENV)/installed  ## Tests with real workers, run by the plugin itself
	$(VENV)/bin/python -m pytest --orchestrate -n 3 tests/e2e tests/compat

check: $(VENV)/installed  ## Lint and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

$(VENV)/installed: pyproject.toml
	$(call INSTALL,$(VENV))
	$(VENV)/bin/python -m pip install --quiet --editable . --group test --group check
	$(VENV)/bin/python -m pip install --quiet --upgrade --target $(VENV)/peers --no-deps --group peers
	touch $@

$(DEMO)/installed: pyproject.toml $(shell find src -name '*.py')
	$(call INSTALL,$(DEMO))
	$(DEMO)/bin/python -m pip install --quiet --force-reinstall --no-deps .
	$(DEMO)/bin/python -m pip install --quiet .
	touch $@

clean:
	rm -rf $(DEMO) $(VENV)
