#!/usr/bin/env bash
# cacache 13.1.0: without one of its two async runtimes, the crate does not compile.
#
# It has every call a second time for callers that block (`write_sync`, `read_sync`), and its README says that
# `default-features = false, features = ["mmap"]` leaves the runtimes out. With that, a function of the async writer
# is left over whose type is not: E0425.
#
# Consequence: whoever compares with it, or uses its blocking calls alone, takes a runtime along.
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
cargo init --quiet --name sample --vcs none .
cargo add --quiet cacache@=13.1.0 --no-default-features --features mmap
cat >src/main.rs <<'RS'
fn main() {
    cacache::write_sync("cache", "key", b"content").unwrap();
    println!("{:?}", cacache::read_sync("cache", "key").unwrap());
}
RS
without=$(cargo check --quiet 2>&1 | grep -o 'error\[E0425\]: cannot find type `State`' | sort -u || true)
cargo add --quiet cacache@=13.1.0 --no-default-features --features tokio-runtime
with=$(cargo check --quiet 2>&1 && echo compiles)
printf 'no runtime: %s\nwith tokio: %s\n' "$without" "$with"
[ "$without $with" = 'error[E0425]: cannot find type `State` compiles' ] || { echo 'the behaviour changed' >&2; exit 1; }
echo 'as found'
