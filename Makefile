# Two commands matter: `make up` and `make test`. `make help` lists all.
PYTHON ?= python3
STACK ?= dev
ARGS ?=
VENV := .venv
RUN := $(VENV)/bin/python
.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "; print "make TARGET [STACK=dev] [ARGS=...]\n"} /^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, $(PYTHON) is {v[0]}.{v[1]}; say make PYTHON=/path/to/python3.11")'
	@echo "installing the Python packages of requirements.txt into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/.installed ## Install the Python packages (every other target does it when needed)

.PHONY: up
up: setup ## Bring a stack up on the embedded Kubernetes
	@$(RUN) -m rehearsal up $(STACK) $(ARGS)

.PHONY: down
down: setup ## End a stack's control plane; nothing of it stays
	@$(RUN) -m rehearsal down $(STACK) $(ARGS)

.PHONY: check
check: setup ## Hold a stack against the guardrails and prove its objects, with no server
	@$(RUN) -m rehearsal check $(STACK) $(ARGS)

.PHONY: conform
conform: setup ## Would the pulumi CLI, AWS, the operators or Helm refuse anything? All stacks
	@$(RUN) -m rehearsal conform $(ARGS)

.PHONY: test
test: setup ## Run all tests (the first run builds the control plane: minutes)
	@$(RUN) -m pytest $(ARGS)

.PHONY: test-fast
test-fast: setup ## Run the tests that need no control plane
	@$(RUN) -m pytest -m "not cluster" $(ARGS)

.PHONY: test-guardrails
test-guardrails: setup ## Test every rule, and print rules x stacks x mutations
	@$(RUN) -m pytest tests/policies --matrix $(ARGS)

.PHONY: lint
lint: setup ## ruff, mypy, hadolint
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(VENV)/bin/hadolint image/Dockerfile

.PHONY: lint-workflows
lint-workflows: ## actionlint, which no package index has in a wheel: Go builds it
	@go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.PHONY: bench
bench: setup ## Measure what things cost, as ratios in one run
	@$(RUN) -m rehearsal.bench $(ARGS)

.PHONY: docs
docs: setup ## Make anew what docs/ has from resources and rules: the picture, the capacity tables, the guardrails
	@$(RUN) -m rehearsal picture peak --output docs/architecture.svg
	@$(RUN) -m rehearsal capacity --markdown > docs/capacity.md
	@PYTHONPATH=policies $(RUN) -m tests.policies.guide > docs/guardrails.md

.PHONY: compare-crds
compare-crds: setup ## Compare our CloudNativePG schemas with the full ones in DIR
	@$(RUN) -m rehearsal.crds.compare $(DIR)

.PHONY: lock
lock: ## Pin anew what the direct dependencies pull in
	@rm -rf $(VENV)/lock && $(PYTHON) -m venv $(VENV)/lock
	@grep -v '^-c' requirements.txt > $(VENV)/lock/direct.txt
	@$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check -r $(VENV)/lock/direct.txt
	@$(VENV)/lock/bin/python -m pip freeze > constraints.txt
	@rm -rf $(VENV)/lock
