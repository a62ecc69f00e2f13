# Every target does its own set-up; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv/bin
# Extra arguments for the program behind a target, as in: make test ARGS="-k polling"
ARGS ?=

.PHONY: help setup run serve soak test bench check package fmt lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is needed into this folder (every target does it by itself)
	@python=$$(PYTHON="$(PYTHON)" sh devstack/find-python.sh) && "$$python" -m devstack.setup

run: setup ## Start the whole stack, send nine requests, check every outcome
	@$(VENV)/python -m devstack.run $(ARGS)

serve: setup ## Start the whole stack and keep it up; Ctrl-C stops it
	@$(VENV)/python -m devstack.serve $(ARGS)

soak: setup ## Put the stack under load while its parts break (ARGS="--minutes 10 --seed 7")
	@$(VENV)/python -m devstack.soak $(ARGS)

test: setup ## Run all tests, three at a time (ARGS="-k polling" for some)
	@$(VENV)/python -m pytest -n 3 --no-loadscope-reorder $(ARGS)

bench: setup ## Measure against stated baselines (ARGS="--only poll", ARGS=--quick)
	@$(VENV)/python -m benchmarks $(ARGS)

check: setup ## Check format, lint, types and lock files
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/python -m devstack.lockfiles check

package: setup ## Show what would be deployed from this folder, and its size
	@$(VENV)/python -m devstack.package

fmt: setup ## Format the code and mend what the linter can mend
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

lock: setup ## Remake the lock files (ARGS=--upgrade takes the newest versions)
	@$(VENV)/python -m devstack.lockfiles make $(ARGS)

clean: ## Remove everything that the other targets made
	rm -rf .venv .devstack .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf devstack/azurite/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
