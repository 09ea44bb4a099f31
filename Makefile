# Every command of the project; CI calls nothing else. `make` alone lists them.
# The machine needs Python 3.11, Node, npm, Java 17 and make: the rest is installed into .venv and .keel.

PYTHON := $(or $(shell command -v python3.11),python3)
BIN := .venv/bin
export KEEL_PORT ?= 4566
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.PHONY: help setup browser dev stop sync reset test check unit e2e format lock openapi bench deploy restore rotate-keys

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing (the others do it by themselves)
	@$(PYTHON) scripts/setup.py

dev: setup ## run Keel here: deploy to a local AWS, show logs, put saved code live; DETACH=1 leaves it running
	@$(BIN)/python scripts/local.py $(if $(DETACH),start,dev)

stop: setup ## stop what DETACH=1 left running
	@$(BIN)/python scripts/local.py stop

sync: setup ## put the code live in what DETACH=1 left running
	@$(BIN)/python scripts/local.py sync

reset: setup ## wipe the data of `make dev`
	@$(BIN)/python scripts/local.py reset

test: check unit e2e ## everything that CI runs

check: setup ## format, lint, types, template
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/cfn-lint template.yaml
	@AWS_DEFAULT_REGION=us-east-1 .keel/sam/bin/sam validate --lint

unit: setup browser ## the tests that need no running stack; PYTEST="-k name" picks some
	@$(BIN)/pytest -m "not e2e" $(PYTEST)

browser: setup
	@$(BIN)/python scripts/browser.py

e2e: setup ## the tests that drive a stack of their own over HTTP
	@$(BIN)/pytest -m e2e $(PYTEST)

format: setup openapi ## format the code, and bring what is made from it up to date
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: setup ## pin the packages of pyproject.toml in lock.toml; UPGRADE=1 takes the newest versions
	@$(BIN)/python scripts/lock.py $(if $(UPGRADE),--upgrade)

openapi: setup ## make openapi.json and docs/errors.md from the code
	@$(BIN)/python scripts/openapi.py

bench: setup ## the benchmarks
	@$(BIN)/python -m bench

deploy: setup ## build and deploy to AWS with your credentials; PARAMETERS="RateUser=20/40" changes what was answered before
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python scripts/deploy.py $(PARAMETERS)

restore: setup ## bring the table back beside the one in use, as it was; AT=2026-06-01T12:00:00Z or the latest second
	@$(BIN)/python scripts/restore.py AT=$(AT) INTO=$(INTO) FROM=$(FROM)

rotate-keys: setup ## rotate the keys of tokens on AWS, without anybody noticing
	@$(BIN)/python scripts/token_keys.py
