# Everything a person or CI does here. Each target installs what it needs first; V=1 shows full commands.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MACHINE := $(shell uname -m)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
NODE := node_modules/node/bin/node
VERSION = $(shell $(NODE) -p 'require("./package.json").version')
LAYOUT = .output/image
TEST := $(NODE) --test --test-reporter=./test/reporter.ts

.PHONY: build native bpf deps packages demo test test-unit test-native test-system test-kernels bench lint format crds chart image push deps-image cluster cluster-down deps-cluster pack clean

build: node_modules/.stamp native dist/cli/bin.js ## ./bin/syscribe works after this

packages: ## what Debian or Ubuntu must have to build
	@scripts/install-packages.sh build

# Not `npm ci`: it wants every platform's optional packages in the lockfile, and some registries do not serve them all.
node_modules/.stamp: package.json package-lock.json | packages
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

test: ## everything, set-up included
	@scripts/test.sh

test-unit: node_modules/.stamp ## seconds, needs no root
	@$(TEST) 'test/unit/**/*.test.ts'

bench: build ## prints the figures and writes docs/benchmarks.md
	@scripts/install-packages.sh test
	@$(MAKE) --no-print-directory -C test/system/programs
	@$(NODE) test/bench/main.ts

test-kernels: build ## the recorder on other kernels, in virtual machines
	@test/system/kernels/run.sh

lint: node_modules/.stamp
	@biome check --error-on-warnings .
	@tsc -p tsconfig.json
	@knip
	@clang-format --dry-run --Werror bpf/*.c bpf/*.h native/*.c native/*.h
	@scripts/check-files.sh
	@$(NODE) scripts/crds.mjs --check
	@$(NODE) scripts/chart.mjs --check

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

deps-cluster: build
	@scripts/install-packages.sh cluster
	@$(MAKE) --no-print-directory -C test/system/programs

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
