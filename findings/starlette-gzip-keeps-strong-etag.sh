#!/usr/bin/env bash
# Starlette 1.10.0: GZipMiddleware leaves the strong ETag of the plain file on the compressed reply, so that a download which
# is resumed with If-Range by that tag joins compressed and plain bytes.
#
# FileResponse answers a GET with gzip, and `Range: bytes=N-` with the tag that came with it by 206 and the plain bytes from
# N on. RFC 9110 section 8.8.1 wants another tag for another content coding, or a weak one, which If-Range does not take; nginx
# and Django's middleware make it weak. The middleware leaves the 206 itself alone.
#
# Consequence: downloads that are resumed stay outside of that middleware. An application cannot tell that it is behind it.
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check starlette==1.10.0 httpx==0.28.1
venv/bin/python - <<'PYTHON'
import asyncio, gzip, pathlib
from importlib.metadata import version

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse
from starlette.routing import Route

TEXT = b"".join(b"line %d of a text\n" % number for number in range(4000))
pathlib.Path("text.txt").write_bytes(TEXT)


async def text(request):
    return FileResponse("text.txt")


app = Starlette(routes=[Route("/text", text)], middleware=[Middleware(GZipMiddleware)])


async def main():
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:

        async def get(**headers):
            headers["Accept-Encoding"] = "gzip"
            async with client.stream("GET", "/text", headers=headers) as reply:
                body = b"".join([piece async for piece in reply.aiter_raw()])
            shown = [reply.headers.get(name) for name in ("content-encoding", "content-range", "etag")]
            print(reply.status_code, *shown, len(body))
            return reply, body

        whole, body = await get()
        assert whole.headers["content-encoding"] == "gzip" and gzip.decompress(body) == TEXT
        tag, half = whole.headers["etag"], len(body) // 2
        assert not tag.startswith("W/")
        part, rest = await get(**{"Range": f"bytes={half}-", "If-Range": tag})
        assert part.status_code == 206 and "content-encoding" not in part.headers
        assert part.headers["etag"] == tag and rest == TEXT[half:]
        try:
            gzip.decompress(body[:half] + rest)
        except (EOFError, gzip.BadGzipFile, OSError) as error:
            print("resumed:", error)
        else:
            raise SystemExit("what was resumed is whole")


print("Starlette", version("starlette"))
asyncio.run(main())
PYTHON
