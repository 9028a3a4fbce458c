# Earl: `make` lists what it can do. This file only runs scripts; the work is in the folders.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PORT ?= 8080

SOURCES := $(shell find errors host cloud firmware/dist tools/build.mjs tools/build-web.mjs -type f \( -name '*.ts' -o -name '*.css' -o -name '*.html' -o -name '*.mjs' -o -name '*.hex' \) 2>/dev/null)

.PHONY: help
help: ## list the targets
	@echo 'usage: make TARGET'; echo
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- use -------------------------------------------------------------------------------------------------------------

.PHONY: start
start: dist/.built ## cloud, gateway and three virtual probes on http://localhost:$PORT (default 8080); Ctrl-C stops
	@exec node host/cli/earl.js up --port $(PORT)

.PHONY: build
build: dist/.built ## compile host/ and cloud/ into dist/

node_modules/.package-lock.json: package-lock.json
	npm ci --ignore-scripts
	@touch $@

dist/.built: node_modules/.package-lock.json $(SOURCES)
	@node tools/build.mjs
	@touch $@

# --- firmware ---------------------------------------------------------------------------------------------------------

.PHONY: firmware
firmware: node_modules/.package-lock.json ## compile the probes' images with msp430-elf-gcc, or clang and lld
	@$(MAKE) --no-print-directory -C firmware

# DRIVER: rf2500, tilib, gdbc:HOST:PORT, bsl:PORT; FLASH: further options of earl flash, e.g. --id random
DRIVER ?=
FLASH ?=
flash-runner = $(if $(DRIVER),--runner $(if $(filter bsl:% emu:% mspdebug:%,$(DRIVER)),,mspdebug:)$(DRIVER))
flash-port = $(if $(filter command environment,$(firstword $(origin PORT))),--port $(PORT))

.PHONY: flash
flash: dist/.built ## write a board: PROBE=ball [DRIVER=rf2500|tilib|gdbc:HOST:PORT|bsl:PORT] [PORT=...] [FLASH='--id random']
	@test -n '$(PROBE)' || { echo 'usage: make flash PROBE=ball|arm|light|led_test [DRIVER=...] [PORT=...]' >&2; exit 2; }
	@tools/need-mspdebug.sh '$(DRIVER)'
	@exec node host/cli/earl.js flash $(PROBE) $(flash-runner) $(flash-port) $(FLASH)

.PHONY: size
size: node_modules/.package-lock.json ## flash, RAM and worst-case stack of each image; fails over budget
	@$(MAKE) --no-print-directory -C firmware size

.PHONY: release
release: node_modules/.package-lock.json ## write firmware/dist: images and their manifest (needs msp430-elf-gcc)
	@$(MAKE) --no-print-directory -C firmware release

.PHONY: toolchain
toolchain: ## build msp430-elf-gcc from Debian's sources into ~/.cache/earl (about 20 minutes)
	@tools/toolchain/build.sh

.PHONY: codegen
codegen: node_modules/.package-lock.json ## write the C header and vectors from host/link/messages.ts
	@node tools/run.mjs tools/codegen/messages-header.ts

# --- quality ----------------------------------------------------------------------------------------------------------

.PHONY: setup
setup: ## install what the tests need (apt-get when root, else says what is missing)
	@tools/setup.sh

.PHONY: check
check: node_modules/.package-lock.json ## format, lint, types, import table, generated files
	npx biome ci --colors=off --error-on-warnings .
	npx tsc -p tsconfig.json
	npx tsc -p tsconfig.pure.json
	npx tsc -p tsconfig.web.json
	node tools/run.mjs tools/check/imports.ts
	node tools/run.mjs tools/codegen/messages-header.ts --check
	tools/check/c-format.sh
	tools/check/c-lint.sh

.PHONY: test
test: setup dist/.built ## everything: C unit tests, images and their budgets, TypeScript, end to end, browser
	$(MAKE) --no-print-directory -C firmware/test
	$(MAKE) --no-print-directory -C firmware
	$(MAKE) --no-print-directory -C firmware size
	$(MAKE) --no-print-directory -C firmware release-check
	npx vitest run

.PHONY: hil
hil: dist/.built ## the hardware-in-the-loop suite on emulated probes of every kind (boards: earl hil --target serial:PATH)
	@node host/cli/earl.js hil --target emu

.PHONY: mutation
mutation: node_modules/.package-lock.json ## break the I2C driver in 29 ways: the tests must notice each time
	@node tools/run.mjs test/mutation/mutate.ts

.PHONY: coverage-c
coverage-c: node_modules/.package-lock.json ## line and branch coverage of the firmware's unit tests
	@node tools/run.mjs tools/check/c-coverage.ts

.PHONY: lint-c
lint-c: ## static analysis of the firmware's C: cppcheck and clang-tidy
	@tools/check/c-lint.sh

.PHONY: format
format: node_modules/.package-lock.json ## format the sources in place
	npx biome check --write .
	tools/check/c-format.sh --fix

.PHONY: screenshot
screenshot: dist/.built ## make docs/images/dashboard.png from a running dashboard
	node tools/run.mjs tools/screenshot.ts

.PHONY: clean
clean: ## remove what was built, but not what was installed
	rm -rf dist firmware/build firmware/test/build
