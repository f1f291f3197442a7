#!/usr/bin/env bash
# waitress 3.0.2: the connection ends after every 304 of HTTP/1.1, though a 304 has no body to frame.
#
# An application answers one path with 200 and a Content-Length, another with 304 and an ETag. Two requests on one
# connection: behind the 200 the second is answered; behind the 304 the server says "Connection: close".
#
# Consequence: clients that revalidate much (package managers, browsers with many small files) pay a new connection
# for each 304 behind this server.
set -euo pipefail
tmp=$(mktemp -d); trap 'kill "${pid:-}" 2>/dev/null || true; rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check waitress==3.0.2
cat >app.py <<'PY'
import sys
from waitress import create_server

def app(environ, start):
    if environ["PATH_INFO"] == "/304":
        start("304 Not Modified", [("ETag", '"e"')])
        return []
    start("200 OK", [("Content-Length", "2"), ("ETag", '"e"')])
    return [b"ok"]

server = create_server(app, host="127.0.0.1", port=0)
print(server.effective_port, flush=True)
server.run()
PY
venv/bin/python app.py >port & pid=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
said=$(python3 - "$(cat port)" <<'PY'
import http.client, sys
for path in ("/200", "/304"):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
    connection.request("GET", path)
    reply = connection.getresponse()
    reply.read()
    print(reply.status, reply.version, reply.getheader("Connection"))
PY
)
echo "$said"
[ "$said" = $'200 11 None\n304 11 close' ] || { echo 'the behaviour changed' >&2; exit 1; }
echo 'as found'
