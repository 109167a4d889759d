# `make` without a target lists the targets.
PYTHON ?= python3
DATASETS ?= 500

BIN := .venv/bin
PORTALS := .venv-portal-17.18.0/ready .venv-portal-14.13.0/ready

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

.PHONY: demo
demo: .venv/ready .venv-portal-17.18.0/ready ## Start a portal, harvest its datasets into datasets.jsonl, stop it
	@$(BIN)/python -m tests.portal --datasets $(DATASETS) --run $(BIN)/aiodatagouv harvest datasets --fresh -o datasets.jsonl

.PHONY: environments
environments: .venv/ready $(PORTALS) ## Create all virtual environments; -j 3 creates them in parallel

.PHONY: test
test: environments lint check-generated ## Create the environments and run every check
	$(BIN)/python -m pytest -n 2 --dist loadgroup --operations check

.PHONY: lint
lint: .venv/ready ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/basedpyright

.PHONY: format
format: .venv/ready ## Fix the style and format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: generate
generate: .venv/ready ## Generate src/aiodatagouv/api and models from the pinned Swagger
	$(BIN)/python -m generator generate

.PHONY: check-generated
check-generated: .venv/ready ## Check that the generated code is up to date
	$(BIN)/python -m generator check

.PHONY: operations
operations: .venv/ready $(PORTALS) ## Test every operation on real portals, and write docs/operations.md
	$(BIN)/python -m pytest -n 2 --dist loadgroup --operations write tests/portal/conformance

.PHONY: pin
pin: .venv/ready ## Pin a Swagger: URL=<root of a portal's API> or UDATA=<release>; FORCE=1, RELEASE=
	@$(BIN)/python -m generator pin --url="$$URL" --udata="$$UDATA" --release="$$RELEASE" \
		$(if $(FORCE),--force)

.PHONY: regenerate
regenerate: .venv/ready ## Pin a release, generate, and report the changes: URL= or UDATA=, as for pin; REPORT=<file>
	@$(BIN)/python -m generator regenerate --url="$$URL" --udata="$$UDATA" --release="$$RELEASE" \
		$(if $(REPORT),--report="$$REPORT")

.PHONY: api-diff
api-diff: .venv/ready ## Compare two releases of the API: OLD=, NEW=<pin, file, URL, udata==release or git revision>
	@$(BIN)/python -m generator diff $(if $(JSON),--json) -- "$$OLD" "$$NEW"

# The shell reads them from the environment, so that it takes no part of them for a command.
override URL := $(value URL)
override UDATA := $(value UDATA)
override RELEASE := $(value RELEASE)
override REPORT := $(value REPORT)
override OLD := $(value OLD)
override NEW := $(value NEW)
export URL UDATA RELEASE REPORT OLD NEW

.PHONY: test-resolution
test-resolution: .venv/ready ## Run the unit tests with the RESOLUTION=lowest-direct or highest dependencies
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-$(RESOLUTION)
	$(BIN)/uv pip install --quiet --python .venv-$(RESOLUTION) --resolution $(RESOLUTION) -e '.[cli,dask,parquet,zstd]'
	$(BIN)/uv pip freeze --quiet --python .venv-$(RESOLUTION) --exclude-editable > .venv-$(RESOLUTION)/resolved.txt
	$(BIN)/uv pip install --quiet --python .venv-$(RESOLUTION) -c .venv-$(RESOLUTION)/resolved.txt --group test
	@# The tests of the generator need the tools of make test.
	.venv-$(RESOLUTION)/bin/python -m pytest -n 2 --dist loadgroup --ignore tests/portal \
		$(addprefix --ignore tests/,$(TOOLS))

TOOLS := $(addprefix test_,generator.py hostile_swagger.py)

.PHONY: portal
portal: .venv/ready .venv-portal-17.18.0/ready ## Start a seeded portal in the background; print its URL and an API key
	@$(BIN)/python -m tests.portal --datasets $(DATASETS) --background
	@echo "until    make portal-stop"

.PHONY: portal-stop
portal-stop: .venv/ready ## Stop the portal in the background
	@$(BIN)/python -m tests.portal --stop

.PHONY: bench
bench: .venv/ready .venv-portal-17.18.0/ready ## Measure the cost of decoding a page, and write benchmarks/decode.md
	@$(BIN)/python -m tests.portal --datasets 100 --run $(BIN)/python benchmarks/decode.py

.PHONY: bench-backoff
bench-backoff: .venv/ready ## Measure the client behind the rate limits of nginx and Flask-Limiter
	@$(BIN)/python benchmarks/backoff.py

.PHONY: bench-harvest
bench-harvest: .venv/ready ## Measure harvests of 75,000 datasets: memory, speed, effect of concurrency
	@$(BIN)/python benchmarks/harvest.py

.PHONY: requirements
requirements: .venv/ready ## Update the pinned dependencies to the newest versions, with hashes
	$(BIN)/uv pip compile --quiet --upgrade $(COMPILE) --group dev --all-extras pyproject.toml -o requirements.txt
	for pinned in tests/portal/requirements-*.in; do \
		$(BIN)/uv pip compile --quiet --upgrade $(COMPILE) $$pinned -o $${pinned%.in}.txt || exit; done

COMPILE := --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

.PHONY: clean
clean: ## Remove environments, caches and harvested files
	rm -rf .venv .venv-* .mypy_cache .pytest_cache .ruff_cache datasets.jsonl*

.venv/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: say PYTHON=...")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv-portal-%/ready: tests/portal/requirements-%.txt
	$(PYTHON) -m venv --clear $(@D)
	@# -c as well: without it pip installs the newest version of a package with extras.
	$(@D)/bin/pip install -qq --disable-pip-version-check --require-hashes -r $< -c $<
	@touch $@
