# All commands of the project. CI calls only these. `make` lists them.
# Requires Python 3.11, Node with npm, Java 17 and make. Everything else is installed into .venv and .keel.

PYTHON := $(or $(shell command -v python3.11),python3)
BIN := .venv/bin
export KEEL_PORT ?= 4566
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.PHONY: help setup browser dev stop sync reset test check unit e2e format lock openapi bench deploy restore rotate-keys

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing (the other commands do this too)
	@$(PYTHON) scripts/setup.py

dev: setup ## start a local AWS emulator, deploy Keel, show logs and deploy saved code; DETACH=1 runs it in the background
	@$(BIN)/python scripts/local.py $(if $(DETACH),start,dev)

stop: setup ## stop what DETACH=1 started; keeps the data
	@$(BIN)/python scripts/local.py stop

sync: setup ## deploy saved code to what DETACH=1 started
	@$(BIN)/python scripts/local.py sync

reset: setup ## delete the data of `make dev`
	@$(BIN)/python scripts/local.py reset

test: check unit e2e ## run everything that CI runs (about 16 minutes on two cores)

check: setup ## check format, lint, types and the template
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/cfn-lint template.yaml
	@AWS_DEFAULT_REGION=us-east-1 .keel/sam/bin/sam validate --lint

unit: setup browser ## run the tests that need no running stack; PYTEST="-k name" selects tests
	@$(BIN)/pytest -m "not e2e" $(PYTEST)

browser: setup
	@$(BIN)/python scripts/browser.py

e2e: setup ## run the tests that call a deployed local stack over HTTP
	@$(BIN)/pytest -m e2e $(PYTEST)

format: setup openapi ## format the code and regenerate what is generated from it
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: setup ## pin the packages of pyproject.toml in lock.toml; UPGRADE=1 takes the newest versions
	@$(BIN)/python scripts/lock.py $(if $(UPGRADE),--upgrade)

openapi: setup ## generate openapi.json, docs/errors.md and the Python client from the code
	@$(BIN)/python scripts/openapi.py

bench: setup ## run the benchmarks
	@$(BIN)/python -m bench

deploy: setup ## build and deploy to AWS with your credentials; PARAMETERS="RateUser=20/40" changes stack parameters
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python scripts/deploy.py $(PARAMETERS)

restore: setup ## restore the table to a new one; AT=2026-06-01T12:00:00Z sets the time, the default is the latest
	@$(BIN)/python scripts/restore.py AT=$(AT) INTO=$(INTO) FROM=$(FROM)

rotate-keys: setup ## rotate token-signing keys on AWS with no downtime
	@$(BIN)/python scripts/token_keys.py
