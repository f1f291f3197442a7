# demo       builds a release, and shows on a real tree and a big file what the store does
# demo-cluster  starts PostgreSQL and SeaweedFS, and shows two hosts on one store, one of which is killed
# test       everything that must pass: format, lints, documentation, tests
# hosts      the part of it that checks hosts from outside
# hosts-all  the servers on actix-web and Salvo, which take long to build: not in `test`
# published  the part of it that checks the calls of Cloudreve and PDS
# postgres   the driver for PostgreSQL, against servers that its tests start
# s3         the driver for S3-compatible object storage, against servers that its tests install and start
# remote     both drivers, and stores over them: the tests of the APIs and of the store are the same for a directory
# python-tests  the Python package: built as a wheel, and its tests
# works-with programs of others over archives and URLs, all that can be installed; writes docs/works-with.md
# matrix     who may see what, on SEEDS=n histories at random; REQUESTS=n odd requests beside them
# sim        several simulated processes on one store, SEEDS=n runs on THREADS=n threads
# bench      the benchmarks, NAMES="plan range" for some; a report in JSON and plots of it below target/bench
# bench-cluster  those of a store over PostgreSQL and SeaweedFS, which it starts; the same NAMES and report
# bench-hosts  those of the nginx module and the Python package, against mod_zip, secure_link, Go, Starlette, Django and others,
#            which it installs; RUNS=n; rows for the plots below target/bench. MOD_ZIP=clone where GitHub cannot be reached
# bench-iroh  small files against iroh-blobs, whose crates take long to build
# bench-check  what got slower since REV by more than the noise, in runs that take turns; NAMES and ROUNDS
# bench-check-control  shows that bench-check names a slow-down that is planted, and nothing of an unchanged build
# fuzz       runs every fuzz target for SECONDS under libFuzzer; installs cargo-fuzz, and takes the nightly compiler
# filesystems  the store on ext4, XFS, Btrfs, tmpfs and a disk with sectors of 4 KiB; takes root and loop devices
# mutants    changes the modules of tokens, ranges, headers, names and recovery in one place at a time, and asks whether
#            a unit test notices; MODULES="range name" names some; installs cargo-mutants
# tsan       the tests with many threads under ThreadSanitizer; takes the nightly compiler with rust-src
# features   that the core compiles with each of its features alone, and with none
# package    that each crate can be published: what it packs compiles alone, and so do its tests
# dist       what can be downloaded, in target/dist: wheels, Debian packages, a tarball, crates; built, installed and used
# dist-compare  builds that twice from nothing, in two folders, and compares the bytes
# semver     what of the core's public API changed since the last tag, or since REV; installs cargo-semver-checks
# docs       the site of the documentation, in target/site, with its links checked; installs mkdocs and doxygen
# deny       licences, banned versions and sources of what is depended on; installs cargo-deny
# demo KEEP=1 leaves the server up; BIG_MIB=512 makes a smaller big file.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := test
.PHONY: demo demo-cluster test hosts hosts-all published postgres s3 remote remote-stores python-tests works-with works-here matrix sim bench bench-hosts bench-iroh bench-cluster bench-check bench-check-control fuzz filesystems mutants tsan features package beside dist dist-compare semver docs deny tools demo-tools test-tools

CARGO ?= cargo
KEEP ?=
BIG_MIB ?= 2048
SEEDS ?= 1000
REQUESTS ?= 1000000
THREADS ?= 2

PYTHON ?= python3

tools:
	@command -v $(CARGO) >/dev/null || { echo 'missing: cargo; install Rust 1.90 or later from https://rustup.rs and run make again' >&2; exit 1; }
	@tests/need cc=gcc curl python3

demo-tools: tools
	@tests/need openssl unzip sha1sum=coreutils

# What the tests ask besides: they build servers and consumers in C and C++, and let programs of others read
# what we wrote.
test-tools: tools
	@tests/need g++ make readelf=binutils cmake pkg-config valgrind openssl unzip wget aria2c=aria2 \
		pkg-config:libmicrohttpd=libmicrohttpd-dev file:/usr/include/civetweb.h=libcivetweb-dev \
		file:/usr/sbin/nginx=nginx file:/usr/share/nginx/src/configure=nginx-dev \
		chromium file:/usr/bin/chromedriver=chromium-driver \
		file:/usr/lib/postgresql/*/bin/initdb=postgresql pgbouncer setpriv=util-linux
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || tests/need file:/usr/lib/python3*/ensurepip/__main__.py=python3-venv

demo: demo-tools
	$(CARGO) build --release -p holdall-cli
	@target=$$($(CARGO) metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])'); \
	tree=$$($(CARGO) metadata --format-version 1 --filter-platform "$$(rustc -vV | sed -n 's/^host: //p')" | python3 -c 'import json, os, sys; print(next(os.path.dirname(os.path.dirname(p["manifest_path"])) for p in json.load(sys.stdin)["packages"] if p["source"]))'); \
	HOLDALL="$$target/release/holdall" DEMO_TREE="$$tree" BIG_MIB=$(BIG_MIB) KEEP=$(KEEP) bash cli/src/demo/run.sh

# Starts PostgreSQL and SeaweedFS, lets two hosts work on one store, and kills one.
demo-cluster: tools
	@tests/need file:/usr/lib/postgresql/*/bin/initdb=postgresql setpriv=util-linux
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || tests/need file:/usr/lib/python3*/ensurepip/__main__.py=python3-venv
	$(CARGO) build -p holdall-cli --features remote
	@tests/remote/run.sh $(PYTHON) tests/remote/demo.py "$(BUILT)/holdall" docs

# The drivers of servers are built along: by themselves they would take a build of the core of their own. What has no
# need of two cores runs beside other work.
test: test-tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets $(WITH_REMOTE) --features holdall-python/remote -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items $(WITH_REMOTE)
	$(CARGO) test $(WITH_REMOTE)
	$(MAKE) remote-stores
	$(MAKE) --jobs=2 --output-sync=target python-tests beside
	@if command -v cargo-deny >/dev/null; then cargo deny check bans licenses sources; \
	else echo 'cargo-deny is not here: licences and banned versions were not checked; `make deny` does'; fi

# One suite for every host of a store: the command line, the example servers, nginx; and that it can fail.
hosts: test-tools
	$(AS_TESTED)
	@built=$$($(CARGO) metadata --format-version 1 --no-deps | $(PYTHON) -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug; \
	$(MAKE) -C examples/c HOLDALL_LIB_DIR="$$built"; \
	$(MAKE) -C examples/cpp HOLDALL_LIB_DIR="$$built"; \
	$(MAKE) -C examples/nginx HOLDALL_LIB="$$built/libholdall_c.a"; \
	others=(); left=(); \
	for other in go:go node:npm java:mvn; do \
		language=$${other%:*}; \
		if command -v "$$language" >/dev/null && command -v "$${other#*:}" >/dev/null; then \
			$(MAKE) -C "examples/$$language" HOLDALL_LIB_DIR="$$built"; \
			others+=("$(CURDIR)/examples/$$language/build/server"); \
		else left+=("$$language"); fi; \
	done; \
	failed=0; \
	for host in control cli "$(CURDIR)/examples/c/build/server" "$(CURDIR)/examples/cpp/build/server" "$$built/examples/axum" "$$built/examples/hyper" "$${others[@]}" nginx; do \
		echo "host: $$host"; HOLDALL="$$built/holdall" $(PYTHON) -m tests.hosts "$$host" || failed=1; \
	done; \
	echo 'pages of hosts'; $(PYTHON) -m tests.hosts.pages "$$built" || failed=1; \
	[ "$${#left[@]}" -eq 0 ] || echo "hosts left out, whose tools are not here: $${left[*]}"; \
	exit $$failed

# In transaction mode PgBouncer shows what of a session must not be relied on.
postgres: test-tools
	$(CARGO) test -p holdall --lib --features postgres kv::postgres

# The servers are those of two makers; they are installed below target/object-servers, the second where Go is here.
s3: test-tools
	$(CARGO) test -p holdall --lib --features s3 blobs::object

WITH_REMOTE = --features holdall/remote,holdall-cli/remote,holdall-ffi/remote

# Takes what `cargo test` has built: it names what the features of all dependencies are the same for.
AS_TESTED = $(CARGO) build --lib --bins --examples $(WITH_REMOTE)

# Both drivers and the engine over them.
remote: remote-stores
	$(CARGO) test -p holdall --lib --features remote -- kv::postgres blobs::object engine::remote maintenance::tests::ship maintenance::migrate

# Servers are started once for all.
remote-stores: test-tools
	CARGO=$(CARGO) PYTHON=$(PYTHON) tests/remote/run.sh tests/remote/suites.sh "$(BUILT)" $(WITH_REMOTE)

# The same over servers on frameworks that take minutes to build: by hand.
hosts-all: test-tools
	$(CARGO) build -p holdall-cli
	$(CARGO) build --locked --manifest-path examples/Cargo.toml --target-dir examples/target
	@failed=0; \
	for host in actix salvo; do \
		echo "host: $$host"; HOLDALL="$(BUILT)/holdall" $(PYTHON) -m tests.hosts "$(CURDIR)/examples/target/debug/$$host" || failed=1; \
	done; \
	exit $$failed

TARGET_DIR = $$($(CARGO) metadata --format-version 1 --no-deps | $(PYTHON) -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
BUILT = $(TARGET_DIR)/debug
RELEASE = $(TARGET_DIR)/release

# The calls of Cloudreve and PDS, by clients and tests that others wrote.
published: test-tools
	$(AS_TESTED)
	@built=$$($(CARGO) metadata --format-version 1 --no-deps | $(PYTHON) -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug; \
	PYTHON=$(PYTHON) tests/published/run.sh "$$built/holdall"

# Readers of archives, clients of URLs and browsers that others wrote; installs them below target/works-with, and
# those of Debian where we may.
works-with: tools
	$(CARGO) build -p holdall-cli
	HOLDALL="$(BUILT)/holdall" $(PYTHON) -m tests.works_with --all --table docs/works-with.md

# Those of them that are here, within two minutes.
works-here: tools
	$(AS_TESTED)
	HOLDALL="$(BUILT)/holdall" $(PYTHON) -m tests.works_with

# Everybody makes every call on stores with histories at random; `make test` tries 30. HOLDALL_SEED=n replays one.
matrix: tools
	HOLDALL_SEEDS=$(SEEDS) HOLDALL_REQUESTS=$(REQUESTS) $(CARGO) test --release -p holdall --test matrix -- --nocapture

# Processes share a store in a directory, and hosts one on servers, die and meet faults, as a seed says; `make test` tries 150
# of each. HOLDALL_SEED=n replays one.
sim: tools
	HOLDALL_SEEDS=$(SEEDS) HOLDALL_THREADS=$(THREADS) $(CARGO) test --release -p holdall --features remote --test sim several -- --nocapture

# With all names, the plots of the documentation can be drawn from the report: docs/figures/plot.py REPORT.
bench: tools
	$(CARGO) run --release -p holdall-benches --features peers -- \
		--json "target/bench/$$(date -u +%Y%m%d-%H%M%S)-$$(git describe --always --dirty).json" $(NAMES)

# docs/figures/plot.py takes the rows along. Without mod_zip's source its rows are left out, and said to be.
BENCH_HOSTS = target/bench-hosts

bench-hosts: tools
	@tests/need wrk git make pgrep=procps file:/usr/sbin/nginx=nginx file:/usr/share/nginx/src/configure=nginx-dev
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || tests/need file:/usr/lib/python3*/ensurepip/__main__.py=python3-venv
	$(CARGO) build --release -p holdall-cli
	$(MAKE) -C examples/nginx
	[ -x $(BENCH_HOSTS)/python/bin/python ] || $(PYTHON) -m venv $(BENCH_HOSTS)/python
	$(BENCH_HOSTS)/python/bin/pip install --quiet --disable-pip-version-check '.[bench]'
	mod_zip=$$(benches/nginx/mod_zip $(BENCH_HOSTS)/mod_zip) || echo 'mod_zip is left out: its source could not be fetched or built' >&2; \
	$(PYTHON) benches/hosts.py --holdall "$(RELEASE)/holdall" --python $(BENCH_HOSTS)/python/bin/python \
		$${mod_zip:+--mod-zip "$$mod_zip"} --runs $(or $(RUNS),2) \
		"target/bench/hosts-$$(date -u +%Y%m%d-%H%M%S)-$$(git describe --always --dirty).csv"

bench-iroh: tools
	$(CARGO) run --release --locked --manifest-path benches/iroh/Cargo.toml --target-dir target/bench-iroh

# The database syncs what it commits here, as it does where it is run; the files of the object storage are long ones.
bench-cluster: tools
	@tests/need file:/usr/lib/postgresql/*/bin/initdb=postgresql pgbench=postgresql psql=postgresql-client setpriv=util-linux
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || tests/need file:/usr/lib/python3*/ensurepip/__main__.py=python3-venv
	HOLDALL_TEST_FSYNC=on HOLDALL_TEST_VOLUME_MB=1024 tests/remote/run.sh \
		$(CARGO) run --release -p holdall-benches --features remote -- \
		--json "target/bench/cluster-$$(date -u +%Y%m%d-%H%M%S)-$$(git describe --always --dirty).json" \
		$(or $(NAMES),cluster-put cluster-read cluster-large cluster-migrate)

bench-check: tools
	@test -n '$(REV)' || { echo 'name what to compare with: make bench-check REV=main' >&2; exit 2; }
	$(PYTHON) benches/compare.py --rev '$(REV)' --rounds $(or $(ROUNDS),7) $(NAMES)

bench-check-control: tools
	$(PYTHON) benches/compare.py --control --rounds $(or $(ROUNDS),7)

SECONDS_EACH = $(or $(SECONDS),60)

fuzz: tools
	@tests/need g++
	@$(CARGO) +nightly --version >/dev/null || { echo 'missing: the nightly compiler; rustup toolchain install nightly' >&2; exit 1; }
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	@cd fuzz; for target in $$(cargo +nightly fuzz list); do \
		mkdir -p target/found/$$target; \
		cargo +nightly fuzz run $$target target/found/$$target corpus/$$target -- -max_total_time=$(SECONDS_EACH) -max_len=4096 -print_final_stats=1; \
	done

# By hand: it mounts. The tests of the store, those with processes of the crash suite, and what the script does itself.
filesystems: tools
	@tests/need mkfs.xfs=xfsprogs mkfs.btrfs=btrfs-progs setquota=quota
	$(CARGO) build -p holdall-cli
	@built=$$($(CARGO) metadata --format-version 1 --no-deps | $(PYTHON) -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug; \
	found=$$($(CARGO) test -p holdall --test store --test crash --no-run 2>&1 | sed -n 's/^ *Executable .*(\(.*\))$$/\1/p'); \
	tests/filesystems/run.sh "$$built/holdall" $$(realpath $$found)

# The unit tests of five modules against every small change of them; goes on where it was stopped. MODULES names some.
mutants: tools
	@command -v cargo-mutants >/dev/null || $(CARGO) install --locked cargo-mutants
	CARGO=$(CARGO) $(PYTHON) tests/mutants $(MODULES)

# The standard library is built anew, so that its locks and atomics are seen. First the control: a program with a race,
# which the run must report.
SANITIZED = RUSTFLAGS=-Zsanitizer=thread $(CARGO) +nightly test -Zbuild-std --target "$$(rustc -vV | sed -n 's/^host: //p')" \
	--target-dir target/tsan

tsan: tools
	@$(CARGO) +nightly --version >/dev/null || { echo 'missing: the nightly compiler; rustup toolchain install nightly --component rust-src' >&2; exit 1; }
	@if $(SANITIZED) -p holdall --test race >target/tsan-control 2>&1 || ! grep -q 'WARNING: ThreadSanitizer: data race' target/tsan-control; then \
		tail -20 target/tsan-control >&2; echo 'the race of the control was not reported' >&2; exit 1; \
	else echo 'the race of the control was reported'; fi
	$(SANITIZED) -p holdall --test store -- together::
	$(SANITIZED) -p holdall --lib -- snapshot_cache stamp vfs:: journal:: worker digest::tests
	$(SANITIZED) -p holdall-ffi --lib -- slot table

python-tests: test-tools
	PYTHON=$(PYTHON) python/run-tests.sh

features: tools
	tests/features

package: tools
	tests/package

# What runs beside the tests of Python, which mostly wait for servers.
beside: test-tools
	$(MAKE) features package
	$(MAKE) hosts published works-here

dist: tools
	packaging/build
	packaging/check

dist-compare: tools
	packaging/compare

REV ?= $(shell git describe --tags --abbrev=0 2>/dev/null)

semver: tools
ifeq ($(REV),)
	@echo 'no tag to compare the public API with; REV=... names a revision'
else
	@command -v cargo-semver-checks >/dev/null || $(CARGO) install --locked cargo-semver-checks
	$(CARGO) semver-checks check-release -p holdall --baseline-rev $(REV)
endif

DOCS = target/docs-venv

docs: tools
	@tests/need doxygen
	@[ -x $(DOCS)/bin/mkdocs ] || { $(PYTHON) -m venv $(DOCS) && $(DOCS)/bin/pip install --quiet mkdocs 'mkdocstrings[python]' linkchecker; }
	rm -rf target/site
	$(DOCS)/bin/mkdocs build --quiet
	doxygen docs/Doxyfile
	$(DOCS)/bin/linkchecker --no-status --no-warnings target/site/index.html target/site/c/manual/index.html

deny: tools
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	cargo deny check bans licenses sources
