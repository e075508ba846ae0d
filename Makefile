# Everything a person needs to type. `make` alone lists it.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PARTS := devices rules edge platform dashboards
SOURCES := $(PARTS) tests tools

.PHONY: help setup demo test check bench faults schema migrate lock clean

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/installed ## install system packages (when allowed) and the Python environment

.venv/installed: requirements.lock tools/setup.sh $(PARTS:%=%/pyproject.toml)
	@PYTHON="$(PYTHON)" sh tools/setup.sh
	@touch $@

demo: setup ## run the whole product here: database, broker, community, edge agents, screens
	@$(BIN)/anju demo $(ARGS)

test: setup ## run all tests on a real database, broker and browser
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: setup ## format, lint, types, import contracts, generated files
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy $(PARTS:%=%/src)
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m anju_devices.schema devices/schema --check
	$(BIN)/python -m anju_rules.schema rules/schema --check
	$(BIN)/python -m anju_rules.guide docs --check
	$(BIN)/python -m anju_edge.supported docs --check
	$(BIN)/anju schema --check

bench: setup ## measure latency device to screen, and durable points per second
	@$(BIN)/python -m tests.bench $(ARGS)

faults: setup ## break a whole site in every way and write what was lost into docs/reliability.md
	@$(BIN)/python -m tests.faults --report docs/reliability.md $(ARGS)

schema: setup ## write the generated schemas and guides again
	$(BIN)/python -m anju_devices.schema devices/schema
	$(BIN)/python -m anju_rules.schema rules/schema
	$(BIN)/python -m anju_rules.guide docs
	$(BIN)/python -m anju_edge.supported docs
	$(BIN)/anju schema

migrate: setup ## bring the database named by ANJU_DATABASE_URL to the newest schema
	$(BIN)/anju migrate

lock: ## resolve requirements.lock again (needs uv)
	uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet \
	  --group pyproject.toml:dev pyproject.toml $(PARTS:%=--no-emit-package anju-%) \
	  --output-file requirements.lock

clean: ## remove the environment and the demo's data
	rm -rf .venv .anju .pytest_cache .mypy_cache .ruff_cache .hypothesis
