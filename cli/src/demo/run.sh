#!/usr/bin/env bash
# Shows on real data what a store does, and checks every claim with tools of others.
#
# Takes the command from $HOLDALL and runs in a temporary directory that it removes at the end.
# DEMO_TREE names the tree to put, BIG_MIB the length of the big file, KEEP=1 leaves the server up.
set -euo pipefail

HOLDALL=${HOLDALL:-holdall}
BIG_MIB=${BIG_MIB:-2048}
KEEP=${KEEP:-}
STARTED=$SECONDS

say() { printf '\n== %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
fail() { printf '\ndemo: this differs: %s\n' "$*" >&2; exit 1; }
same() { [ "$1" = "$2" ] || fail "$3: $1 is not $2"; printf 'ok: %s\n' "$3"; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
sha1() { sha1sum "$1" | cut -d' ' -f1; }

for tool in curl python3 sha1sum openssl; do
    command -v "$tool" >/dev/null || { echo "demo: $tool is missing; install it and run the demo again" >&2; exit 1; }
done

# The tree: sources of crates that the build downloaded. What cargo has is what a reader can look at.
TREE=${DEMO_TREE:-}
if [ -z "$TREE" ]; then
    for found in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
        [ -d "$found" ] && TREE=${found%/} && break
    done
fi
[ -d "$TREE" ] || { echo "demo: no sources of crates at ${CARGO_HOME:-$HOME/.cargo}/registry/src; build first, or set DEMO_TREE to a folder" >&2; exit 1; }

WORK=$(mktemp -d "${TMPDIR:-/tmp}/holdall-demo.XXXXXX")
SERVER='' PUTTER=''
finish() {
    code=$?
    for pid in $SERVER $PUTTER; do kill -9 "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$WORK"
    exit "$code"
}
trap finish EXIT
trap 'echo "demo: line $LINENO failed: $BASH_COMMAND" >&2' ERR
trap 'exit 130' INT TERM

# The big file is there three times: as made, in the store, and downloaded; and then the tree.
NEED=$(((BIG_MIB * 5 / 2) + 500))
FREE=$(df -Pm "$WORK" | awk 'NR == 2 { print $4 }')
if [ "$FREE" -lt "$NEED" ]; then
    echo "demo: $NEED MiB are needed in ${TMPDIR:-/tmp} and $FREE MiB are free; set TMPDIR to a roomier place, or BIG_MIB to less than $BIG_MIB" >&2
    exit 1
fi

export HOLDALL_STORE=$WORK/store
serve() { # serve PORT: starts the server, sets SERVER and BASE
    : >"$WORK/address"
    "$HOLDALL" serve --listen "127.0.0.1:$1" >"$WORK/address" 2>>"$WORK/server.log" &
    SERVER=$!
    for _ in $(seq 100); do
        BASE=$(sed -n 's/^listening on //p' "$WORK/address")
        [ -n "$BASE" ] && break
        kill -0 "$SERVER" 2>/dev/null || fail "the server did not start: $(cat "$WORK/server.log")"
        sleep 0.1
    done
    [ -n "$BASE" ] || fail 'the server printed no address'
    export HOLDALL_BASE_URL=$BASE
}

say "A big file is made: $BIG_MIB MiB that do not compress and have no holes"
# A key stream makes bytes faster than the system's generator does.
{ openssl enc -aes-128-ctr -pass pass:"$RANDOM" -nosalt -pbkdf2 -in /dev/zero 2>/dev/null || true; } |
    head -c "$((BIG_MIB << 20))" >"$WORK/big.bin"
BIG_SHA1=$(sha1 "$WORK/big.bin")
echo "sha1sum says $BIG_SHA1"

say "The tree of sources that cargo downloaded is put: $TREE"
run "$HOLDALL" put "$TREE" --to sources
say 'The same tree again, to another place: nothing is stored twice'
"$HOLDALL" --json put "$TREE" --to copy >"$WORK/copy.json"
python3 - "$WORK/copy.json" <<'PY'
import json, sys
put = json.load(open(sys.argv[1]))
print(f"put {put['files']} files, {put['bytes'] / 1e6:.1f} MB in {put['seconds']:.2f} s; "
      f"{put['deduplicated_bytes'] / 1e6:.1f} MB of it were there already")
if put["stored_bytes"]:
    sys.exit(f"demo: this differs: {put['stored_bytes']} bytes were stored twice")
PY

say 'The big file is put'
run "$HOLDALL" put "$WORK/big.bin" --to films/big.bin
same "$("$HOLDALL" --json versions films/big.bin | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["sha1"])')" \
    "$BIG_SHA1" 'the SHA-1 that the store computed is that of sha1sum'
rm "$WORK/big.bin"
run "$HOLDALL" stats

say 'The store is served, and URLs are made beside the server by another process'
serve 0
echo "the server listens on $BASE"
URL=$("$HOLDALL" url films/big.bin --expires 1h)
ZIP=$("$HOLDALL" archive sources --name sources.zip --expires 1h)
FILE=$(cd "$TREE" && find . -type f -name Cargo.toml -printf '%P\n' | sort | sed -n 1p)
LINK=$("$HOLDALL" link "sources/$FILE")
printf 'a download URL:  %s\nan archive URL:  %s\na direct link:   %s\n' "$URL" "$ZIP" "$LINK"

say 'The big file is downloaded with curl, cut in the middle, and resumed'
CUT=$((BIG_MIB << 19))
# curl stops when it has half; what it has then is what a broken connection leaves.
{ curl -sS "$URL" || true; } 2>/dev/null | head -c "$CUT" >"$WORK/got.bin"
same "$(stat -c %s "$WORK/got.bin")" "$CUT" 'the transfer was cut after half of it'
run curl -sS -C - -o "$WORK/got.bin" -w 'HTTP %{http_code}, %{size_download} bytes more at %{speed_download} bytes/s\n' "$URL"
same "$(sha1 "$WORK/got.bin")" "$BIG_SHA1" 'what curl put together has the SHA-1 of the file'
rm "$WORK/got.bin"

say 'The whole tree is downloaded as one zip, cut and resumed too'
LENGTH=$(curl -sSI "$ZIP" | tr -d '\r' | awk 'tolower($1) == "content-length:" { print $2 }')
{ curl -sS "$ZIP" || true; } 2>/dev/null | head -c "$((LENGTH / 3))" >"$WORK/sources.zip"
run curl -sS -C - -o "$WORK/sources.zip" -w 'HTTP %{http_code}, %{size_download} bytes more at %{speed_download} bytes/s\n' "$ZIP"
same "$(stat -c %s "$WORK/sources.zip")" "$LENGTH" 'the zip is as long as HEAD had said'
if command -v unzip >/dev/null; then
    run unzip -tqq "$WORK/sources.zip" || fail 'unzip finds the archive damaged'
else
    run python3 -c 'import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)' \
        "$WORK/sources.zip" || fail 'zipfile finds the archive damaged'
fi
python3 - "$WORK/sources.zip" "$TREE" <<'PY'
import hashlib, os, sys, zipfile
archive, tree = zipfile.ZipFile(sys.argv[1]), sys.argv[2]
want = {}
for at, _, names in os.walk(tree):
    for name in names:
        path = os.path.join(at, name)
        if not os.path.islink(path):
            want[os.path.relpath(path, tree)] = path
have = [name for name in archive.namelist() if not name.endswith("/")]
if len(have) != len(want):
    sys.exit(f"demo: this differs: {len(have)} files in the zip, {len(want)} in the tree")
renamed = 0
for name in have:
    path = want.get(name.split("/", 1)[1])
    if path is None:
        renamed += 1  # a name that some system cannot have, made safe
    elif hashlib.sha1(archive.read(name)).digest() != hashlib.sha1(open(path, "rb").read()).digest():
        sys.exit(f"demo: this differs: {name}")
print(f"ok: {len(have)} files in the zip have the SHA-1 of those in the tree"
      + (f", but {renamed} that have safer names" if renamed else ""))
PY
rm "$WORK/sources.zip"

say 'The direct link, and a new version: the old URL still gives the old bytes'
same "$(curl -sSf "$LINK" | sha1sum | cut -d' ' -f1)" "$(sha1 "$TREE/$FILE")" 'the direct link gives the file'
OLD=$("$HOLDALL" url "sources/$FILE")
date | run "$HOLDALL" put - --to "sources/$FILE"
same "$(curl -sSf "$OLD" | sha1sum | cut -d' ' -f1)" "$(sha1 "$TREE/$FILE")" 'the URL made before gives what it gave before'
same "$(curl -sSf "$LINK" | sha1sum)" "$("$HOLDALL" get "sources/$FILE" | sha1sum)" 'the direct link gives the new version'
run "$HOLDALL" versions "sources/$FILE"
FORGED=$(python3 -c 'import sys
url = sys.argv[1]; at = url.rindex("/") - 35
print(url[:at] + ("A" if url[at] != "A" else "B") + url[at + 1:])' "$OLD")
same "$(curl -s -o /dev/null -w '%{http_code}' "$FORGED")" 403 'a URL with one letter changed is refused'

say 'The server and a putter are killed with -9 in the middle of puts'
kept() { "$HOLDALL" ls -R "$1" 2>/dev/null | grep -vc '/$' || true; }
PORT=${BASE##*:} PORT=${PORT%/}
for round in 1 2 3; do
    (
        for number in $(seq 1000); do
            printf 'round %d, number %d\n' "$round" "$number" |
                "$HOLDALL" put - --to "killed/$round/$number" >/dev/null || exit
            echo "$number" >>"$WORK/acknowledged.$round"
        done
    ) 2>/dev/null &
    LOOP=$!
    "$HOLDALL" put "$TREE" --to "killed/$round/tree" >/dev/null 2>&1 &
    PUTTER=$!
    sleep "0.$((round * 3))"
    kill -9 "$PUTTER" "$SERVER" "$LOOP" 2>/dev/null || true
    wait "$PUTTER" "$SERVER" "$LOOP" 2>/dev/null || true
    SERVER='' PUTTER=''
    touch "$WORK/acknowledged.$round"
    while read -r number; do
        same "$("$HOLDALL" get "killed/$round/$number")" "round $round, number $number" \
            "put $number of round $round was acknowledged and is there" >/dev/null
    done <"$WORK/acknowledged.$round"
    printf 'ok: killed; %d puts of the loop were acknowledged and are there, %d files of the tree came in\n' \
        "$(wc -l <"$WORK/acknowledged.$round")" "$(kept "killed/$round/tree")"
    serve "$PORT"
done
run "$HOLDALL" check || fail 'the store is damaged'
same "$(curl -sSf "$OLD" | sha1sum | cut -d' ' -f1)" "$(sha1 "$TREE/$FILE")" 'the old URL works after all of that'

say "All is as it should be, after $((SECONDS - STARTED)) s"
if [ -n "$KEEP" ]; then
    printf 'The server stays up on %s until you press Ctrl-C. To click:\n  %s\n  %s\n  %s\n' "$BASE" "$URL" "$ZIP" "$LINK"
    wait "$SERVER" || true
fi
kill "$SERVER"
wait "$SERVER" || fail 'the server did not stop as asked'
SERVER=''
