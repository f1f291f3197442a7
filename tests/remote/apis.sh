#!/usr/bin/env bash
# The command, C and Python on one store in a database and object storage, whose address is in HOLDALL_TEST_STORE: each
# puts a file, and reads what another has put. Then C and Python ship a store to object storage, restore it, and move it
# into a database and back; the command finds it whole. The argument is the folder that cargo built them in, with the feature
# `remote`.
set -euo pipefail
built=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
room=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$room"
}
trap finish EXIT
export HOLDALL_STORE=${HOLDALL_TEST_STORE/\{\}/apis}
for file in small:300 large:3000000 c:70000 python:90000; do
    head -c "${file#*:}" /dev/urandom >"$room/${file%:*}"
done
same() {
    cmp "$1" "$2" || { echo "$3 differs" >&2; exit 1; }
    echo "the same: $3"
}

holdall=$built/holdall
"$holdall" put --to folder/ "$room/small" "$room/large" >/dev/null
for name in small large; do
    "$holdall" get -o "$room/got" "folder/$name"
    same "$room/$name" "$room/got" "what the command put and got, $name"
    rm "$room/got"
done

cc -std=c11 -Wall -Wextra -Werror -I"$root/include" "$root/tests/remote/by_url.c" -o "$room/by_url" \
    -L"$built" -lholdall_c -Wl,-rpath,"$built"
"$room/by_url" "$HOLDALL_STORE" "$room/c" from-c folder/large >"$room/got"
same "$room/large" "$room/got" 'what the command put and C read'

mkdir "$room/package"
cp -r "$root/python/python/holdall" "$room/package/"
cp "$built/lib_holdall.so" "$room/package/holdall/_holdall.so"
PYTHONPATH=$room/package python3 "$root/tests/remote/by_url.py" "$HOLDALL_STORE" "$room/python" from-python from-c >"$room/got"
same "$room/c" "$room/got" 'what C put and Python read'
"$holdall" get from-python >"$room/got"
same "$room/python" "$room/got" 'what Python put and the command got'

# A server that sends clients to the object storage, and one that does not.
for redirect in 60 0; do
    HOLDALL_STORE="$HOLDALL_STORE&redirect_seconds=$redirect" "$holdall" serve --listen 127.0.0.1:0 >"$room/serve" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\).*/\1/p' "$room/serve" | head -1)
        [ -z "$port" ] || break
        sleep 0.1
    done
    url=$("$holdall" url folder/large)
    hops=$(curl -sSL -o "$room/got" -w '%{num_redirects}' "http://127.0.0.1:$port$url")
    same "$room/large" "$room/got" "what the server sent, with $hops redirects"
    [ "$hops" -eq $((redirect > 0)) ]
    kill "$server" && wait "$server" || true
    server=
done
"$holdall" check --content >/dev/null
echo 'the check found nothing'

cc -std=c11 -Wall -Wextra -Werror -I"$root/include" "$root/tests/remote/move.c" -o "$room/move" \
    -L"$built" -lholdall_c -Wl,-rpath,"$built"
unset HOLDALL_STORE
for language in c python; do
    from=$room/$language-first
    "$holdall" --store "$from" put "$root/docs" "$room/large" >/dev/null
    url=$("$holdall" --store "$from" url large)
    moves=("$from" "${HOLDALL_TEST_OBJECTS/\{\}/moves-$language}" "$room/$language-restored"
        "${HOLDALL_TEST_STORE/\{\}/moves_$language}" "$room/$language-back")
    case $language in
    c) "$room/move" "${moves[@]}" ;;
    python) PYTHONPATH=$room/package python3 "$root/tests/remote/move.py" "${moves[@]}" ;;
    esac
    for store in "$room/$language-restored" "${moves[3]}" "$room/$language-back"; do
        "$holdall" --store "$store" get -o "$room/got" large
        same "$room/large" "$room/got" "a store that $language moved"
        rm "$room/got"
        "$holdall" --store "$store" verify "$url" >/dev/null
        "$holdall" --store "$store" check --content >/dev/null
    done
done
