# Everything a person or CI does here. Each target installs what it needs first; V=1 shows full commands.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MACHINE := $(shell uname -m)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
NODE := node_modules/node/bin/node
VERSION = $(shell $(NODE) -p 'require("./package.json").version')
LAYOUT = .output/image
UNIT := test/unit/**/*.test.ts
TEST := $(NODE) --test --test-reporter=./test/reporter.ts
RUN := $(NODE) test/run/main.ts
# Node's runner gives each file a process, and starts each of them by `node`.
ONE := $(NODE) --test --test-concurrency=1 --test-timeout=300000 --test-reporter=./test/reporter.ts $(if $(NAME),--test-name-pattern='$(NAME)')

.PHONY: help build native programs npm packages demo check test test-all soak test-unit test-one test-cluster test-kernels watch coverage \
	bench lint lint-ts lint-biome lint-tsc lint-knip lint-generated lint-c format crds chart image push deps-image \
	cluster cluster-down deps-cluster clean

help: ## this list
	@sed -nE 's/^([a-z][a-z-]*):.* ## (.*)/\1\t\2/p' Makefile | expand -t 16

build: native dist/cli/bin.js ## ./bin/syscribe works after this

npm:
	@command -v npm >/dev/null || scripts/install-packages.sh npm

packages:
	@scripts/install-packages.sh build

# Not `npm ci`: it wants every platform's optional packages in the lockfile, and some registries do not serve them all.
node_modules/.stamp: package.json package-lock.json | npm
	@npm install --no-save --no-fund --no-audit --loglevel=error
	@touch $@

native: node_modules/.stamp packages
	@$(MAKE) --no-print-directory -C native

dist/cli/bin.js: $(shell find src -name '*.ts' -o -name '*.proto') tsconfig.json tsconfig.build.json package.json node_modules/.stamp
	@rm -rf dist
	@tsc -p tsconfig.build.json
	@cd src && find . -name '*.proto' -exec cp --parents {} ../dist \;

demo: build ## records a real server, then runs it under its profile
	@scripts/install-packages.sh demo
	@scripts/demo.sh

check: node_modules/.stamp ## lint and unit tests: a minute, no root, nothing but npm
	@$(RUN) check

test: node_modules/.stamp ## all that CI runs, set-up included; as root
	@$(RUN) test $(STAGES)

test-all: node_modules/.stamp ## as much as the docs claim, on all kernels: an hour and more
	@$(RUN) all $(STAGES)

soak: node_modules/.stamp ## thousands of pods and kills, outages of minutes: hours
	@$(RUN) soak $(STAGES)

test-unit: node_modules/.stamp ## the unit tests alone
	@$(TEST) --test-isolation=none '$(UNIT)'

test-one: node_modules/.stamp ## one file: make test-one FILE=test/unit/… [NAME=regular expression]
	@[ -n "$(FILE)" ] || { echo 'usage: make test-one FILE=test/… [NAME=regular expression]' >&2; exit 2; }
ifneq ($(filter test/system/%,$(FILE)),)
	@$(MAKE) --no-print-directory build programs
endif
	@$(ONE) $(FILE)

test-cluster: node_modules/.stamp ## one file on a cluster that is kept: make test-cluster FILE=test/system/cluster/… [NAME=…]
	@[ -n "$(FILE)" ] || { echo 'usage: make test-cluster FILE=test/system/cluster/… [NAME=regular expression]' >&2; exit 2; }
	@$(MAKE) --no-print-directory deps-cluster
	@SYSCRIBE_TEST_KEEP=1 $(ONE) --test-isolation=none $(FILE)

test-kernels: build ## the recorder on other kernels, in virtual machines
	@test/system/kernels/run.sh

watch: node_modules/.stamp ## the unit tests, again after each change
	@$(NODE) --test --watch '$(UNIT)'

coverage: node_modules/.stamp ## the unit tests, with the lines of src that they run
	@$(NODE) --test --test-isolation=none --experimental-test-coverage --test-coverage-include='src/**' \
		--test-reporter=spec '$(UNIT)'

bench: build programs ## prints the figures and writes docs/benchmarks.md
	@scripts/install-packages.sh test
	@$(NODE) test/bench/main.ts

programs:
	@$(MAKE) --no-print-directory -C test/system/programs

lint: lint-ts lint-c ## all of it

lint-ts: lint-biome lint-tsc lint-knip lint-generated

lint-biome: node_modules/.stamp
	@biome check --error-on-warnings .

lint-tsc: node_modules/.stamp
	@tsc -p tsconfig.json

lint-knip: node_modules/.stamp
	@knip

lint-generated: node_modules/.stamp
	@scripts/check-files.sh
	@$(NODE) scripts/check-layers.mjs
	@$(NODE) scripts/crds.mjs --check
	@$(NODE) scripts/chart.mjs --check

lint-c:
	@command -v clang-format >/dev/null || scripts/install-packages.sh test
	@clang-format --dry-run --Werror bpf/*.c bpf/*.h native/*.c native/*.h

format: node_modules/.stamp
	@biome check --write .
	@clang-format -i bpf/*.c bpf/*.h native/*.c native/*.h

crds: node_modules/.stamp ## writes deploy/crds from src/api, and the chart
	@$(NODE) scripts/crds.mjs
	@$(NODE) scripts/chart.mjs

chart: node_modules/.stamp ## writes deploy/helm from the manifests in deploy
	@$(NODE) scripts/chart.mjs

cluster: deps-cluster ## a Kubernetes on this machine; NODES=3 for more than one
	@$(NODE) test/system/cluster/main.ts up $(or $(NODES),1)

cluster-down: node_modules/.stamp
	@$(NODE) test/system/cluster/main.ts down

deps-cluster: build programs
	@scripts/install-packages.sh cluster

image: deps-image ## .output/image.tar for this machine, .output/image for all: what agent, operator and webhook run from
	@$(NODE) scripts/image.ts

# The addon for arm64 is cross-compiled on amd64; not the other way round.
deps-image: build
ifeq ($(MACHINE),x86_64)
	@scripts/install-packages.sh image
	@$(MAKE) --no-print-directory -C native ARCH=aarch64 SYSROOT="$$(scripts/image/arm64-dev.sh)"
endif

push: ## the layout into a registry: make push REGISTRY=registry.example/team [SKOPEO_FLAGS=…]
	@[ -n "$(REGISTRY)" ] || { echo "usage: make push REGISTRY=HOST[/PATH]; skopeo login HOST before" >&2; exit 2; }
	@[ -e $(LAYOUT)/index.json ] || { echo "there is no image yet: make image" >&2; exit 1; }
	@scripts/install-packages.sh push
	@skopeo copy --all --preserve-digests $(SKOPEO_FLAGS) oci:$(LAYOUT):$(VERSION) docker://$(REGISTRY)/syscribe:$(VERSION)

clean:
	@rm -rf dist prebuilds .output test/system/programs/.output
