# Everything this project does, one target each. `make help` lists them.
# sdk: PROFILE=dev FEATURES=fault-injection DIST=elsewhere stage a second kit beside the first.

CARGO       ?= cargo
PROFILE     ?= release
FEATURES    ?=
CARGO_FLAGS ?=
DIST        ?= dist
PREFIX      ?= /usr/local
DESTDIR     ?=
SOAK_MINUTES ?= 10

TARGET_DIR  := $(or $(CARGO_TARGET_DIR),target)
BUILT       := $(TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))

.DEFAULT_GOAL := help
.PHONY: help setup sdk sdk-faults install header bindings test demo bench lint soak clean

help:            ## list the targets
	@sed -n 's/^\([a-z-]*\): *[^#]*## /\1\t/p' Makefile | while IFS='	' read -r name what; do \
		printf '  %-12s %s\n' "$$name" "$$what"; done

setup:           ## install the system packages that tests and examples need (Debian, as root)
	@tests/tools/setup.sh

sdk:             ## build the library and stage what users install into dist/
	@$(CARGO) rustc --lib --crate-type cdylib --crate-type staticlib --profile $(PROFILE) \
		$(if $(FEATURES),--features $(FEATURES)) $(CARGO_FLAGS)
	@bindings/c/stage.sh $(BUILT) $(DIST)

sdk-faults:      ## stage a kit with debug assertions and panics on demand into target/dist-faults
	@$(MAKE) --no-print-directory sdk PROFILE=dev FEATURES=fault-injection DIST=$(TARGET_DIR)/dist-faults

install:         ## copy dist/ to PREFIX (default /usr/local), under DESTDIR if given
	@test -e $(DIST)/lib/libllmrouter.so || { echo 'nothing to install: run `make sdk` first' >&2; exit 1; }
	@mkdir -p $(DESTDIR)$(PREFIX)
	@cp -R --no-preserve=ownership --remove-destination $(DIST)/include $(DIST)/lib $(DIST)/share $(DESTDIR)$(PREFIX)/
	@echo 'installed to $(DESTDIR)$(PREFIX)'

header:          ## write include/llmrouter.h from src/ffi
	UPDATE=1 $(CARGO) test --test header header_is_fresh

bindings: sdk    ## build the Go package's and the Node package's native parts from dist/
	@bindings/go/stage.sh $(DIST)
	@cd bindings/node && if [ ! -e node_modules/.package-lock.json ]; then npm ci --no-audit --no-fund --silent; fi
	@cd bindings/node && node build.mjs

test: setup bindings sdk-faults ## run all tests: Rust, C, C++, Go, Node, packaging, examples, real servers
	$(CARGO) test --workspace
	tests/cpp/run.sh
	bindings/go/test.sh $(DIST)
	cd bindings/node && npm test --silent
	tests/real/run.sh
	tests/real/streams.sh
	tests/real/languages.sh
	tests/sdk/run.sh
	tests/observe/sentry.sh
	tests/sdk/real.sh
	tests/observe/otlp.sh

demo: setup bindings ## show routing at work: balancing, retries, fallbacks, overhead; no key, no network
	@examples/demo.sh

bench: bindings  ## measure against a bare HTTP client in the same run
	$(CARGO) run --release -p llmrouter-benches

lint: bindings   ## check formatting, clippy, Go, TypeScript and shell scripts; warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	bindings/go/lint.sh
	cd benches/hosts/go && go vet ./...
	cd bindings/node && npm run --silent lint
	@if command -v shellcheck >/dev/null; then shellcheck -x -P SCRIPTDIR bindings/*/*.sh tests/*/*.sh examples/*.sh .ci/run; fi

soak: bindings sdk-faults ## streams at scale, then the C programs again and again for SOAK_MINUTES (default 10)
	@tests/tools/soak.sh $(SOAK_MINUTES)

clean:           ## remove what was built and staged
	$(CARGO) clean
	rm -rf dist bindings/go/staged.h bindings/go/include/llmrouter.h bindings/go/lib/*/libllmrouter.a
	rm -rf bindings/node/prebuilds bindings/node/node_modules examples/node/node_modules
