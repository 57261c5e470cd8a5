# `make` alone says what there is. Every target sets up what it needs, or says what is missing.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# rustup's own folder, for shells that never read its profile.
export PATH := $(PATH):$(HOME)/.cargo/bin

# `make test SUITES="core doc"` runs some suites only.
SUITES ?=
# `make soak MINUTES=600`: how long.
MINUTES ?= 60

.PHONY: help run build test lint format bench soak clean

help: ## what there is
	@echo "workflow.do: durable workflow orchestration"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## process 1,200 orders, kill the server in the middle, show that nothing was lost; then the order in TypeScript
	@scripts/tools.sh run
	@scripts/npm-package.sh release -p workflow-cli
	@node examples/order-processing/run.mjs target/release/workflow
	@scripts/example-ts.sh

build: ## build the `workflow` binary (target/release/workflow) and the npm package (npm/workflow.do)
	@scripts/tools.sh run
	scripts/npm-package.sh release -p workflow-cli

test: ## all tests, with minutes by suite at the end (some: make test SUITES="core doc")
	@scripts/test.sh $(SUITES)

lint: ## formatting and clippy, warnings denied
	@scripts/tools.sh build
	@scripts/test.sh lint

bench: ## what an order costs: throughput, latency, memory, disk, and the store's own ceiling
	@scripts/tools.sh run
	@scripts/npm-package.sh release -p workflow-cli -p workflow-bench
	@target/release/workflow-bench limits
	@for n in 1 64 256 1000; do target/release/workflow-bench run order-5 --way rust-in-process --in-flight $$n || exit 1; done
	@for n in 1 64 256 1000; do target/release/workflow-bench run order-5 --way server-rust-worker --in-flight $$n || exit 1; done
	@node bench/node/order.mjs target/release/workflow

soak: ## the long tests: all workflows of 4 steps, more random histories, hundreds of crashes
	@scripts/soak.sh $(MINUTES)

format: ## format the Rust code
	@cargo fmt --all

clean: ## remove what was built and what `make run` left
	cargo clean
	rm -rf .run npm/workflow.do/{dist,build,node_modules,*.node} examples/order-processing-ts/{dist,node_modules,*.db*}
