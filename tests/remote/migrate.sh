#!/usr/bin/env bash
# The command moves a store from a directory into a database and object storage, whose address is in
# HOLDALL_TEST_STORE, and back: every file has its bytes and its URL works at each place, and what was left takes no
# writes. The argument is the command, built with the feature `remote`.
set -euo pipefail
holdall=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
there=${HOLDALL_TEST_STORE/\{\}/moved}
head -c 20000000 /dev/urandom >"$room/large"
"$holdall" --store "$room/first" put "$root/docs" "$room/large" >/dev/null
url=$("$holdall" --store "$room/first" url large)

fail() { echo "$*" >&2; exit 1; }
# The store, and what it is called.
same() {
    rm -rf "$room/zip" "$room/out"
    "$holdall" --store "$1" archive --output "$room/zip" docs large >/dev/null
    python3 -m zipfile -e "$room/zip" "$room/out"
    diff -r "$root/docs" "$room/out/docs" || fail "$2: files differ"
    cmp "$room/large" "$room/out/large" || fail "$2: the large file differs"
    "$holdall" --store "$1" check --content >/dev/null || fail "$2: the check found something"
    "$holdall" --store "$1" verify "$url" >/dev/null || fail "$2: the URL of before is refused"
    echo "the same: $2"
}
refuses() {
    ! "$holdall" --store "$1" put --to late "$root/README.md" >/dev/null 2>"$room/refused" || fail "$2 took a write"
    echo "refused: $2: $(head -1 "$room/refused")"
}
same "$room/first" 'the directory'
"$holdall" --store "$room/first" migrate "$there"
same "$there" 'the database'
refuses "$room/first" 'the directory that was left'
"$holdall" --store "$there" migrate "$room/second"
same "$room/second" 'the second directory'
refuses "$there" 'the database that was left'
