# `make` without a target lists the targets.
PYTHON ?= python3
# Older releases of udata may not run on the newest Python.
PORTAL_PYTHON ?= $(PYTHON)
DATASETS ?= 500

BIN := .venv/bin
STEP := .ci/step.sh
# What is never imported is not compiled, which takes as long as all the rest.
PIP_INSTALL := pip install -qq --disable-pip-version-check --no-compile
BEGAN := $(shell date +%s)
# Nothing is compiled yet: without the files that Python writes, each start of a program compiles all of it anew.
unexport PYTHONDONTWRITEBYTECODE
# An environment that is a link is that of another checkout, such as a git worktree: creating it would empty that one.
NO_LINK = @test ! -L $(@D) || { echo "$(@D) is a link: update the environment that it leads to, or remove the link" >&2; exit 1; }
RELEASE_BIN := .venv-release/bin
# The releases of udata that are pinned, and that `make test` runs: those of tests/portal/portal.py.
NEWEST := 17.18.0
OLDEST := 14.13.0
NEWEST_PORTAL := .venv-portal-$(NEWEST)/ready
PORTALS := $(NEWEST_PORTAL) .venv-portal-$(OLDEST)/ready
# On 10.4.3 only paths and updates of harvests are tested.
RELEASES ?= $(filter-out 10.4.3,$(patsubst tests/portal/requirements-%.txt,%,$(wildcard tests/portal/requirements-*.txt)))
EVERY_PORTAL := $(patsubst tests/portal/requirements-%.txt,.venv-portal-%/ready,$(wildcard tests/portal/requirements-*.txt))

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

.PHONY: demo
demo: .venv/ready $(NEWEST_PORTAL) ## Start a portal, harvest its datasets into datasets.jsonl, stop it
	@$(BIN)/python -m tests.portal --datasets $(DATASETS) --run $(BIN)/aiodatagouv harvest datasets --fresh -o datasets.jsonl

.PHONY: environments
environments: .venv/ready $(PORTALS) ## Create all virtual environments; -j 3 creates them in parallel

.PHONY: portals-environments
portals-environments: .venv/ready $(EVERY_PORTAL) ## Create the environments of all releases of udata with pinned requirements

.PHONY: test
test: announced environments lint check-generated ## Create the environments and run every check
	@# Three processes on two cores: each waits for its portal, or for a command, a part of the time.
	@# The targets that tests run are no part of this make.
	@MAKEFLAGS= $(STEP) "All tests, also against two real portals" \
		$(BIN)/python -m pytest -n 3 --dist loadgroup --operations check
	@echo "==> make test: everything passed, in $$(($$(date +%s) - $(BEGAN))) s"

.PHONY: announced
announced:
	@echo "==> make test: the environments (some minutes the first time), style and types, the generated code, the tests"

.PHONY: check
check: .venv/ready ## Check style and run the quick unit tests: no types, no portal, nothing slow
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(STEP) "The quick unit tests" $(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow" --ignore tests/portal
	@echo "==> make check: everything passed, in $$(($$(date +%s) - $(BEGAN))) s"

.PHONY: lint
lint: style mypy basedpyright ## Check style, types and workflows

.PHONY: style
style: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/zizmor --offline --quiet --no-progress .github examples/client-regenerate.yml
	$(BIN)/jactionlint --strict-exit --shellcheck= --no-hints
	$(BIN)/jactionlint --strict-exit --shellcheck= --no-hints examples/client-regenerate.yml

.PHONY: mypy
mypy: .venv/ready
	@$(STEP) "mypy" $(BIN)/mypy

.PHONY: basedpyright
basedpyright: .venv/ready
	@$(STEP) "basedpyright" $(BIN)/basedpyright

.PHONY: docs
docs: .venv-docs/ready ## Build the documentation into build/docs, warnings are errors; links within it are checked
	@# In two processes: most of the time goes into reading and writing the pages of the reference.
	PYTHONPATH=src:docs .venv-docs/bin/sphinx-build --quiet -W --keep-going -n -j 2 docs build/docs

.PHONY: docs-links
docs-links: .venv-docs/ready ## Check the links of the documentation to other hosts, which needs a network
	PYTHONPATH=src:docs .venv-docs/bin/sphinx-build --quiet --keep-going -b linkcheck docs build/docs-links

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

.PHONY: portals
portals: ## Run the conformance tests on every release of udata, and write docs/portals.md; RELEASES=<some of them>
	@$(MAKE) --no-print-directory matrix PORTALS_MODE=write

.PHONY: check-portals
check-portals: ## Run them, and check that docs/portals.md is up to date
	@$(MAKE) --no-print-directory matrix PORTALS_MODE=check

PORTALS_MODE ?= write

.PHONY: matrix
matrix: .venv/ready $(foreach release,$(RELEASES),.venv-portal-$(release)/ready)
	@# Their parameters are known for the pinned releases only.
	PORTAL_RELEASES="$(RELEASES)" $(BIN)/python -m pytest -n 2 --dist loadgroup --portals $(PORTALS_MODE) \
		--ignore tests/portal/conformance/test_parameters.py tests/portal/conformance

.PHONY: pin
pin: .venv/ready ## Pin the Swagger of both versions: URL=<root of a portal> or UDATA=<release>; FORCE=1, RELEASE=
	@$(BIN)/python -m generator pin --url="$$URL" --udata="$$UDATA" --release="$$RELEASE" \
		$(if $(FORCE),--force)

.PHONY: served
served: .venv/ready ## Note which operations a release serves: UDATA=<release> or FILE=udata-<release>.json, with that of v2 beside it
	@$(BIN)/python -m generator served $(if $(FILE),--file="$$FILE",--udata="$$UDATA")

.PHONY: regenerate
regenerate: .venv/ready ## Pin a release, generate, and report the changes: URL= or UDATA=, as for pin; REPORT=<file>
	@$(BIN)/python -m generator regenerate --url="$$URL" --udata="$$UDATA" --release="$$RELEASE" \
		$(if $(REPORT),--report="$$REPORT") || test $$? -ge 10

.PHONY: api-diff
api-diff: .venv/ready ## Compare two releases of the API: OLD=, NEW=<pin, file, URL, udata==release or git revision>
	@$(BIN)/python -m generator diff $(if $(JSON),--json) -- "$$OLD" "$$NEW" || test $$? -ge 10

.PHONY: client
client: .venv/ready ## Make a package for another portal: INTO=<folder>, URL=<its root>, or UDATA= or FILE=; PACKAGE=, RELEASE=, FORCE=1, REPORT=<file>
	@$(BIN)/python -m generator client --into="$$INTO" --url="$$URL" --udata="$$UDATA" --file="$$FILE" \
		--name="$$PACKAGE" --release="$$RELEASE" $(if $(FORCE),--force) \
		$(if $(REPORT),--report="$$REPORT") || test $$? -ge 10

.PHONY: nightly
nightly: .venv/ready ## Regenerate as the nightly job does, from URL= or UDATA=, into build/nightly
	@$(BIN)/python .ci/nightly.py --into build/nightly \
		--check "The façade, compared with the last release=$(BIN)/python .ci/api_check.py" \
		--check "The tests of the last release, type-checked against the new code=$(BIN)/python .ci/previous_types.py" -- \
		$(BIN)/python -m generator regenerate --url="$$URL" --udata="$$UDATA" --release="$$RELEASE"

.PHONY: propose
propose: ## Open, update or retire the request for build/nightly on HOST=github or gitlab
	@$(PYTHON) .ci/propose.py --host="$$HOST" --result build/nightly

.PHONY: client-nightly
client-nightly: .venv/ready ## Regenerate a package of make client as nightly does: INTO=<its checkout>, PACKAGE=, URL= or UDATA=
	@$(BIN)/python .ci/nightly.py --checkout "$${INTO:?pass INTO=}" --into build/nightly \
		--path openapi --path "src/$$PACKAGE" -- \
		$(BIN)/python -m generator client --into="$$INTO" --url="$$URL" --udata="$$UDATA" \
		--name="$$PACKAGE" --release="$$RELEASE"

.PHONY: client-propose
client-propose: ## Open, update or retire the request of that package: INTO=, PACKAGE=, HOST=
	@cd "$${INTO:?pass INTO=}" && $(PYTHON) "$(CURDIR)/.ci/propose.py" --host="$$HOST" --result build/nightly \
		--path openapi --path "src/$$PACKAGE"

.PHONY: api-check
api-check: .venv/ready ## Compare the public API with that of the last tag, or AGAINST=<revision>
	@$(BIN)/python .ci/api_check.py "$$AGAINST"

.PHONY: previous-types
previous-types: .venv/ready ## Type-check the tests of the last tag, or AGAINST=<revision>, against the code
	@$(BIN)/python .ci/previous_types.py "$$AGAINST"

# The shell reads them from the environment, so that it takes no part of them for a command.
override URL := $(value URL)
override UDATA := $(value UDATA)
override RELEASE := $(value RELEASE)
override REPORT := $(value REPORT)
override OLD := $(value OLD)
override NEW := $(value NEW)
override INTO := $(value INTO)
override FILE := $(value FILE)
override PACKAGE := $(value PACKAGE)
override HOST := $(value HOST)
override AGAINST := $(value AGAINST)
override TAG := $(value TAG)
override ITEMS := $(value ITEMS)
override CASE := $(value CASE)
override VERSION := $(value VERSION)
export URL UDATA RELEASE REPORT OLD NEW INTO FILE PACKAGE HOST AGAINST TAG ITEMS CASE VERSION

.PHONY: test-resolution
test-resolution: .venv/ready ## Run the unit tests with the RESOLUTION=lowest-direct or highest dependencies
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-$(RESOLUTION)
	@# The oldest dependencies of the package alone; of those of the tests, the newest that fit.
	$(if $(filter lowest%,$(RESOLUTION)),$(BIN)/uv pip compile --quiet --no-deps --all-extras \
		--resolution $(RESOLUTION) --python .venv-$(RESOLUTION) pyproject.toml -o .venv-$(RESOLUTION)/direct.txt)
	$(BIN)/uv pip install --quiet --python .venv-$(RESOLUTION) \
		$(if $(filter lowest%,$(RESOLUTION)),-c .venv-$(RESOLUTION)/direct.txt) \
		-e '.[cli,dask,dlt,fsspec,gzip,otel,parquet,scan,zstd]' --group test --group generator
	@# The tests of the generator and of CI need more tools of make test.
	.venv-$(RESOLUTION)/bin/python -m pytest -n 2 --dist loadgroup --ignore tests/portal \
		$(addprefix --ignore tests/,$(TOOLS))

TOOLS := $(addprefix test_,$(addsuffix .py,diff diff_report generator hostile_swagger previous propose \
	client_package diff_silence merging packaging pages regenerate releases served versions workflows))

.PHONY: build
build: .venv-release/ready ## Build the wheel and the sdist into dist/, and check their contents; TAG= must be that of the version
	rm -rf dist
	test -z "$$TAG" || $(RELEASE_BIN)/python .ci/releasable.py "$$TAG"
	$(RELEASE_BIN)/python -m build --no-isolation
	$(RELEASE_BIN)/python .ci/contents.py dist
	$(RELEASE_BIN)/twine check --strict dist/*

.PHONY: dist
dist: build ## Build, and list what the wheel and the pinned versions of its dependencies install, as an SBOM
	rm -rf build/sbom
	mkdir -p build/sbom
	$(PINNED) -o build/runtime.txt
	$(RELEASE_BIN)/uv venv --quiet --clear --python $(RELEASE_BIN)/python .venv-sbom
	$(RELEASE_BIN)/uv pip install --quiet --python .venv-sbom --require-hashes -r build/runtime.txt
	$(RELEASE_BIN)/uv pip install --quiet --python .venv-sbom --no-deps dist/*.whl
	$(RELEASE_BIN)/cyclonedx-py environment .venv-sbom/bin/python --pyproject pyproject.toml \
		--mc-type library --output-reproducible -o build/sbom/aiodatagouv.cdx.json

.PHONY: test-wheel
test-wheel: build ## Install the wheel into an empty environment of PYTHON=, and use it
	$(RELEASE_BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-wheel
	$(INSTALL_WHEEL)
	.venv-wheel/bin/python -I .ci/smoke.py $(VERSION_BUILT)
	$(INSTALL_WHEEL)'[cli,gzip,parquet,zstd]'
	.venv-wheel/bin/python -I .ci/smoke.py $(VERSION_BUILT)

.PHONY: image
image: build ## Build the container image of the command with CONTAINERS=podman or docker, and EXTRAS=cli,parquet
	rm -rf build/image
	mkdir -p build/image
	cp .ci/Containerfile dist/*.whl build/image/
	$(PINNED) $(addprefix --extra ,$(subst $(comma), ,$(EXTRAS))) -o build/image/requirements.txt
	$(CONTAINERS) build --tag aiodatagouv --file build/image/Containerfile build/image

CONTAINERS ?= podman
EXTRAS ?= cli,gzip,zstd
comma := ,
VERSION_BUILT = $$($(RELEASE_BIN)/hatchling version)
INSTALL_WHEEL = $(RELEASE_BIN)/uv pip install --quiet --python .venv-wheel -c requirements.txt "$$(echo dist/*.whl)"
# The pinned versions of the dependencies of the package.
PINNED = $(RELEASE_BIN)/uv pip compile --quiet $(COMPILE) -c requirements.txt pyproject.toml

.PHONY: changelog
changelog: .venv/ready ## Set the version, and move changes/ into CHANGELOG.md: VERSION=1.2.0
	@test "$${VERSION:?pass VERSION=}" = "$$($(BIN)/hatchling version)" || $(BIN)/hatchling version "$$VERSION"
	$(BIN)/towncrier build --yes

.PHONY: completions
completions: .venv/ready ## Write the completion scripts of the shells, which the wheel installs
	@$(foreach script,$(COMPLETIONS),$(BIN)/aiodatagouv completion $(subst =, > src/share/,$(script)) &&) true

COMPLETIONS := bash=bash-completion/completions/aiodatagouv fish=fish/vendor_completions.d/aiodatagouv.fish \
	zsh=zsh/site-functions/_aiodatagouv

.PHONY: portal
portal: .venv/ready .venv-portal-$(or $(RELEASE),$(NEWEST))/ready ## Start a seeded portal in the background, of RELEASE=; print its URL and an API key
	@$(BIN)/python -m tests.portal --datasets $(DATASETS) --release="$${RELEASE:-$(NEWEST)}" --background
	@echo "until    make portal-stop"

.PHONY: portal-stop
portal-stop: .venv/ready ## Stop the portal in the background
	@$(BIN)/python -m tests.portal --stop

.PHONY: picture
picture: .venv/ready $(NEWEST_PORTAL) ## Record the harvest that the README shows, docs/_static/harvest.svg
	@mkdir -p docs/_static
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.portal --datasets $(DATASETS) --run \
		$(BIN)/python .ci/picture.py docs/_static/harvest.svg \
		'aiodatagouv harvest datasets -o datasets.jsonl.gz --concurrency 4' \
		'aiodatagouv harvest datasets -o datasets.jsonl.gz --since last'

.PHONY: bench
bench: build/bench/recorded .venv-peers/ready .venv-stacks/ready ## Measure this client beside its peers, and write benchmarks/RESULTS.md
	@$(BIN)/python benchmarks/bench.py build/bench

.PHONY: profile
profile: build/bench/recorded ## Show where the time of a case of make bench goes: CASE=call, tasks, price, start, first, version, wait, limit or decode
	@$(BIN)/python benchmarks/profiles.py build/bench "$$CASE"

build/bench/recorded: .venv/ready $(NEWEST_PORTAL) benchmarks/record.py
	@$(BIN)/python -m tests.portal --datasets 100 --run $(BIN)/python benchmarks/record.py $(@D)
	@touch $@

.PHONY: bench-versions
bench-versions: .venv/ready $(NEWEST_PORTAL) ## Compare the pages of datasets of API v1 and v2
	@$(BIN)/python -m tests.portal --datasets 60 --run $(BIN)/python benchmarks/versions.py

.PHONY: bench-backoff
bench-backoff: .venv/ready ## Measure the client behind the rate limits of nginx and Flask-Limiter
	@$(BIN)/python benchmarks/backoff.py

.PHONY: bench-harvest
bench-harvest: .venv/ready .venv-peers/ready ## Measure harvests beside a plain script and datagouv-client; ITEMS=10000,75000 for less than all sizes
	@$(BIN)/python benchmarks/harvest.py $(if $(ITEMS),--items "$$ITEMS")

.PHONY: bench-dlt
bench-dlt: .venv/ready ## Measure how long dlt takes to load 20,000 datasets into DuckDB
	@$(BIN)/python benchmarks/loads.py 20000

.PHONY: bench-cluster
bench-cluster: .venv/ready ## Work out harvests of ten portals by a cluster, and check the figures on a small scale
	@$(BIN)/python benchmarks/cluster.py

.PHONY: bench-stores
bench-stores: .venv/ready ## Measure harvests of 75,000 datasets to an S3-compatible store on this machine
	@$(BIN)/python benchmarks/stores.py

.PHONY: bench-diff
bench-diff: .venv/ready ## Measure the comparison of two harvests of 1,000,000 rows: memory and speed
	@$(BIN)/python benchmarks/diff.py

.PHONY: bench-files
bench-files: .venv/ready ## Compare uploads and downloads of 1 GB with curl, and measure the memory of an export of 2 GB
	@$(BIN)/python benchmarks/uploads.py
	@$(BIN)/python benchmarks/downloads.py
	@$(BIN)/python benchmarks/exports.py 2000

.PHONY: requirements
requirements: .venv/ready ## Update the pinned dependencies to the newest versions, with hashes
	$(BIN)/uv pip compile --quiet --upgrade $(COMPILE) --group dev --all-extras pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade $(COMPILE) --extra cli --extra otel pyproject.toml \
		docs/requirements.in -o docs/requirements.txt
	for pinned in tests/portal/requirements-*.in .ci/requirements-*.in benchmarks/requirements-*.in; do \
		$(BIN)/uv pip compile --quiet --upgrade $(COMPILE) $$pinned -o $${pinned%.in}.txt || exit; done

COMPILE := --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

.PHONY: clean
clean: ## Remove environments, caches and harvested files
	rm -rf .venv .venv-* build dist .mypy_cache .pytest_cache .ruff_cache datasets.jsonl*

.venv/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: say PYTHON=...")'
	$(NO_LINK)
	@$(STEP) "Creating .venv with the tools and dependencies" sh -ec '\
		$(PYTHON) -m venv --clear .venv; \
		$(BIN)/$(PIP_INSTALL) --require-hashes -r requirements.txt; \
		$(BIN)/$(PIP_INSTALL) --no-deps --no-build-isolation -e .'
	@touch $@

.venv-release/ready: .ci/requirements-release.txt
.venv-docs/ready: docs/requirements.txt
.venv-release/ready .venv-docs/ready:
	$(NO_LINK)
	@$(STEP) "Creating $(@D)" sh -ec '$(PYTHON) -m venv --clear $(@D); $(@D)/bin/$(PIP_INSTALL) --require-hashes -r $<'
	@touch $@

.venv-peers/ready .venv-stacks/ready: .venv-%/ready: benchmarks/requirements-%.txt
	$(NO_LINK)
	@$(STEP) "Creating $(@D)" sh -ec '$(PYTHON) -m venv --clear $(@D); $(@D)/bin/$(PIP_INSTALL) --require-hashes -r $<'
	@touch $@

# Those of another release; `make requirements` updates the ones that are there. It needs .venv, but does not depend on it:
# the environments of portals would wait for that.
.PRECIOUS: tests/portal/requirements-%.txt
tests/portal/requirements-%.txt:
	$(BIN)/uv pip compile --quiet $(COMPILE) $(@:.txt=.in) -o $@

.venv-portal-%/ready: tests/portal/requirements-%.txt
	@# -c as well: without it pip installs the newest version of a package with extras.
	$(NO_LINK)
	@$(STEP) "Creating $(@D) with udata" sh -ec '\
		$(PORTAL_PYTHON) -m venv --clear $(@D); \
		$(@D)/bin/$(PIP_INSTALL) --require-hashes -r $< -c $<'
	@touch $@
