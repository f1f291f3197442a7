#!/usr/bin/env bash
# granian 2.8.9, interface wsgi: a chunked upload that breaks off reads like one that ended.
#
# A client sends "Transfer-Encoding: chunked", one chunk of 5 bytes, and closes without the last chunk. The
# application's wsgi.input.read() returns the 5 bytes and then b"", and no error is raised. The same client against
# gunicorn 27.0.1 makes read() raise. Both set wsgi.input_terminated.
#
# Consequence: behind this server an application cannot tell half an upload from a whole one, unless the client
# says the length or a digest.
set -euo pipefail
tmp=$(mktemp -d); trap 'kill "${pid:-}" 2>/dev/null || true; rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check granian==2.8.9 gunicorn==27.0.1
cat >app.py <<'PY'
def app(environ, start):
    try:
        got = b""
        while block := environ["wsgi.input"].read(100):
            got += block
        outcome = f"clean end after {len(got)} bytes"
    except Exception as error:
        outcome = "an error"
    with open("outcome", "w") as out:
        out.write(f"terminated={environ.get('wsgi.input_terminated')} {outcome}")
    start("200 OK", [("Content-Length", "0")])
    return []
PY
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
try() {
    rm -f outcome
    for _ in $(seq 150); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && break; sleep 0.1; done
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf 'PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n' >&3
    sleep 0.5; exec 3>&-
    for _ in $(seq 100); do [ -s outcome ] && break; sleep 0.1; done
    cat outcome; echo
}
p=$(port); venv/bin/granian --interface wsgi --host 127.0.0.1 --port "$p" --workers 1 app:app >log 2>&1 & pid=$!
granian=$(try "$p"); kill $pid; wait $pid 2>/dev/null || true
p=$(port); venv/bin/gunicorn --bind "127.0.0.1:$p" --workers 1 app:app >log2 2>&1 & pid=$!
gunicorn=$(try "$p")
echo "granian: $granian"; echo "gunicorn: $gunicorn"
grep -q 'clean end after 5 bytes' <<<"$granian" && grep -q 'an error' <<<"$gunicorn" ||
    { echo 'the behaviour changed' >&2; exit 1; }
echo 'as found'
