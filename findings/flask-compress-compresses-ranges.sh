#!/usr/bin/env bash
# Flask-Compress 1.25 (Flask 3.1.3): a range is compressed. `Content-Range: bytes 10-8999/78890` comes with
# `Content-Encoding: deflate` and 1,022 bytes of body.
#
# Flask's own send_file answers 206 with 8,990 bytes; behind Flask-Compress the same request gives those bytes compressed by
# themselves. The whole reply is compressed too, so a client that got half of it and asks for the rest has two pieces that
# do not decompress together. The range counts bytes of the plain text (RFC 9110 section 14.4 has it count those of what is
# sent), and its tag is that of the compressed whole.
#
# Consequence: a view that answers ranges keeps compression off its replies; holdall's does by leaving Accept-Encoding out.
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check flask==3.1.3 flask-compress==1.25
venv/bin/python - <<'PYTHON'
import io, zlib
from importlib.metadata import version

import flask
from flask_compress import Compress

TEXT = b"".join(b"line %d of a text\n" % number for number in range(4000))


def client(compressed):
    app = flask.Flask(__name__)
    if compressed:
        Compress(app)

    @app.get("/text")
    def text():
        return flask.send_file(io.BytesIO(TEXT), mimetype="text/plain", etag="tag", conditional=True)

    return app.test_client()


def get(client, **headers):
    reply = client.get("/text", headers={"Accept-Encoding": "deflate", **headers})
    shown = [reply.headers.get(name) for name in ("Content-Range", "Content-Encoding", "ETag")]
    print(reply.status_code, *shown, len(reply.data))
    return reply


print("Flask-Compress", version("flask-compress"))
plain = get(client(False), Range="bytes=10-8999")
assert (plain.status_code, plain.data) == (206, TEXT[10:9000])
part = get(client(True), Range="bytes=10-8999")
assert part.status_code == 206 and part.headers["Content-Range"] == f"bytes 10-8999/{len(TEXT)}"
assert part.headers["Content-Encoding"] == "deflate" and zlib.decompress(part.data) == TEXT[10:9000]
whole = get(client(True)).data
half = len(whole) // 2
rest = get(client(True), Range=f"bytes={half}-").data
try:
    zlib.decompress(whole[:half] + rest)
except zlib.error as error:
    print("the halves together:", error)
else:
    raise SystemExit("the halves fit together")
PYTHON
