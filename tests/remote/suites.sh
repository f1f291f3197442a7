#!/usr/bin/env bash
# The suites over servers that tests/remote/run.sh has started. CARGO and PYTHON name the programs; the arguments are
# the folder that cargo builds in, and the arguments by which the core's tests were built.
set -euo pipefail
cd "$(dirname "$0")/../.."
built=$1
shift
cargo=${CARGO:-cargo}
# What a store on a directory shows as well. Left out is what looks into the directory.
mapfile -t left_out < <(sed '/^#/d' tests/remote/leave-out)
"$cargo" test "$@" --test api --test store -- "${left_out[@]/#/--skip=}"
# What is as new as it can be only where nothing is cached.
HOLDALL_TEST_STORE="$HOLDALL_TEST_STORE&staleness_ms=0" "$cargo" test "$@" --test api -- pds::processes::parts
"$cargo" test "$@" --test cluster
"$cargo" build --workspace --lib --bins --examples "$@" --features holdall-python/remote
tests/remote/apis.sh "$built"
"${PYTHON:-python3}" tests/remote/ship.py "$built/holdall"
tests/remote/migrate.sh "$built/holdall"
