# Everything starts here: `make` alone says what there is.
PYTHON ?= python3
DATASETS ?= 500

BIN := .venv/bin
PORTALS := .venv-portal-17.18.0/ready .venv-portal-14.13.0/ready

.PHONY: help
help: ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

.PHONY: demo
demo: .venv/ready .venv-portal-17.18.0/ready ## Start a portal, harvest its datasets into datasets.jsonl, stop it
	@$(BIN)/python -m tests.portal --datasets $(DATASETS) --run $(BIN)/aiodatagouv harvest datasets --fresh -o datasets.jsonl

.PHONY: environments
environments: .venv/ready $(PORTALS) ## Set everything up; -j 3 does it at once

.PHONY: test
test: environments lint check-generated ## Set everything up and run every check
	$(BIN)/python -m pytest -n 2 --dist loadgroup --operations check

.PHONY: lint
lint: .venv/ready ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/basedpyright

.PHONY: format
format: .venv/ready ## Format what is written by hand
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: generate
generate: .venv/ready ## Write src/aiodatagouv/api and models from the pinned Swagger
	$(BIN)/python -m generator generate

.PHONY: check-generated
check-generated: .venv/ready ## Whether they are what `make generate` writes
	$(BIN)/python -m generator check

.PHONY: operations
operations: .venv/ready $(PORTALS) ## Prove every operation on real portals, and write docs/operations.md
	$(BIN)/python -m pytest -n 2 --dist loadgroup --operations write tests/portal/conformance

.PHONY: pin
pin: .venv/ready ## Pin a Swagger: URL=<root of a portal's API> or UDATA=<release>; FORCE=1, RELEASE=
	@$(BIN)/python -m generator pin --url "$(URL)" --udata "$(UDATA)" \
		$(if $(RELEASE),--release $(RELEASE)) $(if $(FORCE),--force)

.PHONY: portal
portal: .venv/ready .venv-portal-17.18.0/ready ## Leave a seeded portal running on this machine; prints its URL and a key
	@$(BIN)/python -m tests.portal --datasets $(DATASETS) --background
	@echo "until    make portal-stop"

.PHONY: portal-stop
portal-stop: .venv/ready ## Stop it
	@$(BIN)/python -m tests.portal --stop

.PHONY: bench
bench: .venv/ready .venv-portal-17.18.0/ready ## Measure the price of a page, into benchmarks/decode.md
	@$(BIN)/python -m tests.portal --datasets 100 --run $(BIN)/python benchmarks/decode.py

.PHONY: bench-backoff
bench-backoff: .venv/ready ## Measure how the client keeps to the limits of nginx and Flask-Limiter
	@$(BIN)/python benchmarks/backoff.py

.PHONY: bench-harvest
bench-harvest: .venv/ready ## Measure harvests of 75,000 datasets: memory, speed, what concurrency does
	@$(BIN)/python benchmarks/harvest.py

.PHONY: requirements
requirements: .venv/ready ## Pin the newest dependencies, with their hashes
	$(BIN)/uv pip compile --quiet --upgrade $(COMPILE) --group dev --all-extras pyproject.toml -o requirements.txt
	for pinned in tests/portal/requirements-*.in; do \
		$(BIN)/uv pip compile --quiet --upgrade $(COMPILE) $$pinned -o $${pinned%.in}.txt || exit; done

COMPILE := --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

.PHONY: clean
clean: ## Remove what the other commands made
	rm -rf .venv .venv-portal-* .mypy_cache .pytest_cache .ruff_cache datasets.jsonl*

.venv/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: say PYTHON=...")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv-portal-%/ready: tests/portal/requirements-%.txt
	$(PYTHON) -m venv --clear $(@D)
	@# Also as constraints: for a package with extras pip would otherwise take the newest.
	$(@D)/bin/pip install -qq --disable-pip-version-check --require-hashes -r $< -c $<
	@touch $@
