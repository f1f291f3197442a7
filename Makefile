# demo   builds a release, and shows on a real tree and a big file what the store does
# test   everything that must pass: format, lints, documentation, tests
# bench  the benchmarks
# deny   licences, banned versions and sources of what is depended on; installs cargo-deny
# demo KEEP=1 leaves the server up; BIG_MIB=512 makes a smaller big file.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := test
.PHONY: demo test bench deny tools demo-tools

CARGO ?= cargo
KEEP ?=
BIG_MIB ?= 2048

# What is missing is named in one line; system packages are installed where we may.
define need
missing=''; for tool in $(1); do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	echo "installing:$$missing"; \
	packages=$$(sed 's/\bpython3\b/python3-minimal/; s/\bsha1sum\b/coreutils/; s/\bcc\b/gcc libc6-dev/' <<<"$$missing"); \
	(apt-get install -y -q $$packages || { apt-get update -q && apt-get install -y -q $$packages; }) >/dev/null || true; \
fi; \
missing=''; for tool in $(1); do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
if [ -n "$$missing" ]; then echo "missing:$$missing; install them (on Debian and Ubuntu: apt-get install$$missing) and run make again" >&2; exit 1; fi
endef

tools:
	@command -v $(CARGO) >/dev/null || { echo 'missing: cargo; install Rust 1.90 or later from https://rustup.rs and run make again' >&2; exit 1; }
	@$(call need,cc curl python3)

demo-tools: tools
	@$(call need,openssl unzip sha1sum)

demo: demo-tools
	$(CARGO) build --release -p holdall-cli
	@target=$$($(CARGO) metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])'); \
	tree=$$($(CARGO) metadata --format-version 1 --filter-platform "$$(rustc -vV | sed -n 's/^host: //p')" | python3 -c 'import json, os, sys; print(next(os.path.dirname(os.path.dirname(p["manifest_path"])) for p in json.load(sys.stdin)["packages"] if p["source"]))'); \
	HOLDALL="$$target/release/holdall" DEMO_TREE="$$tree" BIG_MIB=$(BIG_MIB) KEEP=$(KEEP) bash cli/src/demo/run.sh

test: tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --document-private-items
	$(CARGO) test
	@if command -v cargo-deny >/dev/null; then cargo deny check bans licenses sources; \
	else echo 'cargo-deny is not here: licences and banned versions were not checked; `make deny` does'; fi

bench: tools
	$(CARGO) run --release -p holdall-benches

deny: tools
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	cargo deny check bans licenses sources
