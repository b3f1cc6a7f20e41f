# What a developer does here. It needs python3 (3.11 or newer) and make.
PYTHON ?= python3
BIN := .venv/bin
UV = $(firstword $(wildcard $(BIN)/uv) $(shell command -v uv) uv)
LOCK = $(UV) pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet

PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 4 --dist loadscope --no-loadscope-reorder
MINUTES ?= 10
RESULTS := .stack/bench-results.json

.DEFAULT_GOAL := help
.PHONY: help venv up client demo reference docs screenshots fetch servers apache-kafka test test-thorough pytest faults fuzz prepared images bench bench-quick plots lint lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: .venv/ready ## create the virtual environment from requirements-dev.txt

.venv/ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer: make PYTHON=…")'
	@$(PYTHON) -m stack.bootstrap
	@touch $@

up: venv ## start everything in the foreground; Ctrl-C stops it
	@$(BIN)/python -m stack up

client: venv ## install the command dns-orchestrator into the virtual environment
	@$(UV) pip install --quiet --no-deps --python $(BIN)/python ./client
	@echo "source .venv/bin/activate; dns-orchestrator --help"

demo: venv ## start everything, show requests on their way, stop everything
	@$(BIN)/python -m stack.demo

fetch: servers apache-kafka ## download what tests and benchmarks run on

servers: venv
	@$(BIN)/python -m stack fetch

apache-kafka: venv
	@$(BIN)/python -m tests.support.kafka.apache

test: prepared ## run the tests, on real servers
	@$(MAKE) --no-print-directory --jobs 2 images pytest  # those that need the images wait for them

pytest:
	$(PYTEST)

test-thorough: prepared images ## run all tests: on every server, in every way, with many more random ones
	THOROUGH=true $(PYTEST) -m ""

faults: fetch ## break every part under load and judge the outcome; ONLY=name,family for some of them
	@$(BIN)/python -m tests.faults.matrix --only "$(ONLY)"

fuzz: fetch .stack/fuzz/ready ## try inputs that nobody has thought of, for MINUTES; ONLY=names,api for some targets
	@MINUTES=$(MINUTES) PYTHONPATH=.stack/fuzz/packages $(BIN)/python -m tests.support.fuzz "$(ONLY)"

.stack/fuzz/ready: requirements-fuzz.txt
	@$(UV) pip install --quiet --require-hashes --python $(BIN)/python --target .stack/fuzz/packages -r $<
	@touch $@

# What the tests run on, at the same time: most of it waits for the network.
prepared: venv
	@$(MAKE) --no-print-directory --jobs 5 fetch .stack/examples/ready .stack/runtime/ready .stack/docs/ready .stack/compiled

# Tests that are imported for the first time are compiled: once here, or by each of pytest's processes.
.stack/compiled: .venv/ready
	@mkdir -p .stack
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --collect-only -qq >/dev/null || true  # the tests say why
	@touch $@

images: venv
	@$(BIN)/python -m tests.support.images

# What is needed to run the service, and nothing else: as `pip install -r requirements.txt` makes it.
.stack/runtime/ready: requirements.txt
	@env -u PYTHONDONTWRITEBYTECODE $(PYTHON) -m stack.bootstrap .stack/runtime $<
	@touch $@

# Only a few of its 12,000 modules are ever imported: Python compiles them then, so none is compiled here.
.stack/examples/ready: requirements-examples.txt
	@env -u PYTHONDONTWRITEBYTECODE $(PYTHON) -m stack.bootstrap .stack/examples $<
	@touch $@

reference: venv ## write what docs/reference has of the code
	@PYTHONPATH=client/src $(BIN)/python -m docs.generate

docs: .stack/docs/ready ## make the site of docs/ in site/; a link that leads nowhere is an error
	@NO_MKDOCS_2_WARNING=1 .stack/docs/bin/mkdocs build --quiet
	@echo "site/index.html; to search it: python3 -m http.server --bind 127.0.0.1 --directory site 8001"

screenshots: fetch ## take the pictures of the console in docs/images again, with Chromium
	@$(BIN)/python -m tests.support.screenshots

.stack/docs/ready: requirements-docs.txt
	@env -u PYTHONDONTWRITEBYTECODE $(PYTHON) -m stack.bootstrap .stack/docs $<
	@touch $@

bench: fetch .stack/bench/ready ## measure speed beside other ways to do the same, in half an hour
	@$(BIN)/python -m benchmarks --output $(RESULTS)

plots: .stack/bench/ready ## draw the results of `make bench` for docs/explanation/performance.md
	@.stack/bench/bin/python -m benchmarks.plots $(RESULTS) docs/explanation/performance

bench-quick: fetch .stack/bench/ready ## measure less of everything, in two minutes
	@$(BIN)/python -m benchmarks --quick

.stack/bench/ready: requirements-bench.txt
	@$(UV) venv --quiet --clear --python $(BIN)/python .stack/bench
	@$(UV) pip install --quiet --require-hashes --python .stack/bench/bin/python -r $<
	@touch $@

lint: venv ## check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: venv ## update the lock files (requirements*.txt) from pyproject.toml
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --group dev --group stack -o requirements-dev.txt
	$(LOCK) --group examples -o requirements-examples.txt
	$(LOCK) --group fuzz -o requirements-fuzz.txt
	$(LOCK) --group docs -o requirements-docs.txt
	$(LOCK) --group bench -o requirements-bench.txt
	echo uv | $(LOCK) - -o stack/requirements-uv.txt

clean: ## remove the virtual environment, the stack's state and all caches
	@$(PYTHON) -m stack clean
