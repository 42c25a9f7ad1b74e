# Every command; `make` lists them. What a command needs and this machine lacks is installed by
# the command itself, which says what and why.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)

# Debian package, the program or file that shows that it is there, and what it is for.
BUILD_NEEDS := \
	gcc:gcc:compiles_the_C_libraries \
	make:make:drives_their_build \
	cmake:cmake:configures_libjpeg-turbo,_which_decodes_photos \
	nasm:nasm:assembles_the_fast_part_of_libjpeg-turbo \
	perl:perl:generates_parts_of_the_TLS_library
TEST_NEEDS := \
	chromium:chromium:the_browser_that_tests_click_through \
	chromium-driver:chromedriver:drives_that_browser \
	postgresql:/usr/lib/postgresql/*/bin/initdb:a_scratch_database_for_tests \
	mariadb-server:/usr/sbin/mariadbd:another_one

.PHONY: help
help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: run
run: setup ## Serve Vitrine on http://127.0.0.1:8080, with what it needs
	@cargo build --release --locked --package web
	@exec $(TARGET)/release/vitrine serve

.PHONY: test
test: setup setup-test ## Check formatting, lints and every test
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo test --locked --workspace

.PHONY: bench
bench: setup setup-test ## Measure the search over 100,000 images on each database
	cargo bench --locked --package migration --bench search

.PHONY: format
format: ## Format the code
	cargo fmt --all

.PHONY: settings
settings: ## Write docs/settings.md anew from the code
	cargo run --locked --quiet --package web -- settings > docs/settings.md

.PHONY: setup
setup: ## Install what building needs
	@$(call need,$(BUILD_NEEDS))
	@command -v cargo > /dev/null || { echo "There is no Rust toolchain: get one from https://rustup.rs"; exit 1; }

.PHONY: setup-test
setup-test: ## Install what the tests need
	@$(call need,$(TEST_NEEDS))

# Looks for each need and installs the missing ones, all at once. Services that come with a
# package are not started: tests start their own.
define need
	missing=(); \
	for need in $(1); do \
		IFS=: read -r package sign reason <<< "$$need"; \
		command -v "$$sign" > /dev/null || compgen -G "$$sign" > /dev/null || { \
			echo "$$package is missing: $${reason//_/ }"; missing+=("$$package"); }; \
	done; \
	if [ $${#missing[@]} -gt 0 ]; then \
		command -v apt-get > /dev/null || { echo "Please install: $${missing[*]}"; exit 1; }; \
		sudo=(); if [ "$$(id -u)" -ne 0 ]; then sudo=(sudo); fi; \
		echo "Installing with apt-get: $${missing[*]}"; \
		"$${sudo[@]}" apt-get update -qq; \
		"$${sudo[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
			apt-get install -y -qq --no-install-recommends "$${missing[@]}" > /dev/null; \
	fi
endef
