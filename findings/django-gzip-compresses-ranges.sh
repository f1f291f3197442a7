#!/usr/bin/env bash
# Django 5.2.19: GZipMiddleware compresses a 206, and leaves its Content-Range as it was.
#
# A view answers `Range: bytes=10-8999` of a text with 206 and 8,990 bytes. Behind the middleware the reply has
# `Content-Range: bytes 10-8999/78890` still, `Content-Encoding: gzip` and a body of 1 to 2 kB, which is compressed by itself.
# Django has no view for ranges of its own, so only others' views meet it.
#
# Consequence: a view that answers ranges keeps compression off its replies; holdall's does by leaving Accept-Encoding out.
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check django==5.2.19
venv/bin/python - <<'PYTHON'
import gzip

import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=["django.middleware.gzip.GZipMiddleware"]
)
django.setup()
from django.test import Client

TEXT = b"".join(b"line %d of a text\n" % number for number in range(4000))


def text(request):
    reply = HttpResponse(TEXT[10:9000], status=206, content_type="text/plain")
    reply["Content-Range"] = f"bytes 10-8999/{len(TEXT)}"
    return reply


urlpatterns = [path("text", text)]
print("Django", django.__version__)
for encoding, length in (("identity", 8990), ("gzip", None)):
    reply = Client().get("/text", headers={"Range": "bytes=10-8999", "Accept-Encoding": encoding})
    shown = [reply.headers.get(name) for name in ("Content-Range", "Content-Encoding", "Content-Length")]
    print(reply.status_code, *shown, len(reply.content))
    assert reply.status_code == 206 and reply["Content-Range"] == f"bytes 10-8999/{len(TEXT)}"
    assert length in (None, len(reply.content))
assert reply["Content-Encoding"] == "gzip" and gzip.decompress(reply.content) == TEXT[10:9000]
assert len(reply.content) < 4000
PYTHON
