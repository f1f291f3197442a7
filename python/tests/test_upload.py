"""Uploads: the apps behind a host's check, and puts from an event loop."""

import asyncio
import io
import json
import os
import pathlib
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.datastructures import UploadFile

import holdall
import holdall.asgi
import holdall.wsgi
from holdall import errors

LARGE = os.urandom((5 << 20) + 1)

APPS = """
import holdall, holdall.asgi, holdall.wsgi
from holdall import errors

store = holdall.open("files")


def check(path, headers):
    if path.startswith("/full"):
        raise errors.TooLarge("alice has no room left")
    if headers.get("authorization") != "Bearer alice":
        return None
    return store.drive("alice"), path[1:]


async def asgi_check(scope):
    return check(scope["path"], {k.decode(): v.decode() for k, v in scope["headers"]})


def wsgi_check(environ):
    return check(environ["PATH_INFO"], {"authorization": environ.get("HTTP_AUTHORIZATION")})


asgi = holdall.asgi.App(store, upload=asgi_check)
wsgi = holdall.wsgi.App(store, upload=wsgi_check)
"""

ALICE = {"Authorization": "Bearer alice"}


def test_uploads_go_where_the_check_says(base: str, tmp_path: pathlib.Path) -> None:
    with httpx.Client(base_url=base, headers=ALICE) as client:
        made = client.put("/dir/a%20b.txt", content=LARGE)
        assert made.status_code == 201, made.text
        answer = made.json()
        assert (answer["size"], answer["media_type"]) == (len(LARGE), "text/plain")
        assert made.headers["location"] == answer["url"]
        assert client.get(answer["url"]).content == LARGE
        typed = client.post("/x", content=b"{}", headers={"Content-Type": "application/json"})
        assert typed.json()["media_type"] == "application/json"
        again = client.put("/x", content=b"", headers={"If-None-Match": "*"})
        assert again.status_code == 412
        pieces = client.put("/streamed", content=iter([LARGE[:100_000], LARGE[100_000:]]))
        assert (pieces.status_code, pieces.json()["sha1"]) == (201, answer["sha1"])
        form = client.post("/form", files={"file": b"x"})
        assert form.status_code == 415
        part = client.put("/part", content=b"x", headers={"Content-Range": "bytes 0-0/2"})
        assert part.status_code == 400
        assert client.put("/full", content=b"x").status_code == 413
        assert client.put("/a//b", content=b"x").status_code == 400
        assert client.request("PATCH", "/x", content=b"x").status_code == 405
    assert httpx.put(f"{base}/x", content=b"x").status_code == 403
    with holdall.open(tmp_path / "files") as store:
        paths = [path for path, _ in store.drive("alice").walk()]
        assert paths == ["dir", "dir/a b.txt", "streamed", "x"]
        assert len(store.drive("alice").versions("x")) == 1


def test_an_upload_that_is_cut_off_leaves_nothing(base: str, tmp_path: pathlib.Path) -> None:
    host, port = base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as wire:
        wire.sendall(
            b"PUT /cut HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alice\r\n"
            b"Content-Length: 9000000\r\n\r\n" + LARGE[:3_000_000]
        )
    assert httpx.put(f"{base}/whole", content=b"x", headers=ALICE).status_code == 201
    with holdall.open(tmp_path / "files") as store:
        for _ in range(100):
            if not list((store.path / "spool").iterdir()):
                break
            threading.Event().wait(0.1)
        assert not list((store.path / "spool").iterdir())
        assert [row.name for row in store.drive("alice").list()] == ["whole"]


def put_to(app: holdall.asgi.App, content: bytes = b"x") -> httpx.Response:
    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.put("/x", content=content)

    return asyncio.run(main())


def test_without_a_check_there_are_no_uploads(store: holdall.Store) -> None:
    assert put_to(holdall.asgi.App(store)).status_code == 405
    status = []
    environ = {"REQUEST_METHOD": "PUT", "PATH_INFO": "/x", "wsgi.input": io.BytesIO(b"x")}
    list(holdall.wsgi.App(store)(environ, lambda line, _headers: status.append(line)))
    assert status == ["405 Method Not Allowed"]


@pytest.mark.parametrize("length", ["-1", "1e3", "\xb2", ""])
def test_a_length_that_is_none_is_refused(store: holdall.Store, length: str) -> None:
    app = holdall.wsgi.App(store, upload=lambda _environ: ("alice", "x"))
    environ = {
        "REQUEST_METHOD": "PUT",
        "CONTENT_LENGTH": length,
        "wsgi.input": io.BytesIO(b"hello"),
    }
    said: list[str] = []
    list(app(environ, lambda line, _headers: said.append(line)))
    # Without a length, and with nothing that marks the end, a body is empty.
    assert said == ["400 Bad Request" if length else "201 Created"]


def test_a_check_may_raise_anything(store: holdall.Store) -> None:
    def check(_scope: Any) -> None:
        raise LookupError("on purpose")

    with pytest.raises(LookupError):
        put_to(holdall.asgi.App(store, upload=check))


def test_no_detail_of_a_failure_goes_to_the_client(store: holdall.Store) -> None:
    def check(_scope: Any) -> None:
        raise errors.Io("the disk at /secret is full")

    reply = put_to(holdall.asgi.App(store, upload=check))
    assert reply.status_code == 500
    assert "secret" not in reply.text


async def pieces() -> AsyncIterator[bytes]:
    for at in range(0, len(LARGE), 1 << 20):
        await asyncio.sleep(0)
        yield LARGE[at : at + (1 << 20)]


class Slow:
    """An async file that waits for ever after its first piece."""

    def __init__(self) -> None:
        self.waits = asyncio.Event()
        self.first = True

    async def read(self, size: int) -> bytes:
        if self.first:
            self.first = False
            return b"x" * size
        self.waits.set()
        await asyncio.Event().wait()
        return b""


def test_every_async_source_is_taken(alice: holdall.Drive, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(LARGE)

    async def main() -> None:
        answer: list[int] = []
        sources = {
            "upload": UploadFile(io.BytesIO(LARGE), filename="x"),
            "stream": pieces(),
            "bytes": LARGE,
            "path": tmp_path / "file",
            "file": io.BytesIO(LARGE),
        }
        for name, source in sources.items():
            version = await holdall.asgi.put(alice, name, source, progress=answer.append)
            assert version.size == len(LARGE), name
        assert sum(answer) == 5 * len(LARGE)

    asyncio.run(main())
    assert (
        len({version.sha1 for name in alice.list() for version in alice.versions(name.name)}) == 1
    )


def test_an_error_of_an_async_source_comes_out(alice: holdall.Drive, store: holdall.Store) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (3 << 20)
        raise LookupError("on purpose")

    with pytest.raises(LookupError):
        asyncio.run(holdall.asgi.put(alice, "x", broken()))
    with pytest.raises(errors.Mismatch):
        asyncio.run(holdall.asgi.put(alice, "x", pieces(), length=3))
    assert alice.list() == []
    assert not list((store.path / "spool").iterdir())


def test_a_cancelled_put_leaves_nothing(alice: holdall.Drive, store: holdall.Store) -> None:
    async def main() -> None:
        slow = Slow()
        task = asyncio.ensure_future(holdall.asgi.put(alice, "x", slow))
        await slow.waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)

    asyncio.run(main())
    assert alice.list() == []
    assert not list((store.path / "spool").iterdir())


def test_the_loop_goes_on_during_a_put(alice: holdall.Drive) -> None:
    async def main() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(holdall.asgi.put(alice, "x", bytes(200 << 20)))
        began, turns = loop.time(), 0
        while not task.done():
            await asyncio.sleep(0.005)
            turns += 1
        return turns, loop.time() - began

    turns, took = asyncio.run(main())
    assert turns > took * 20


def test_the_answer_is_what_the_put_gave(store: holdall.Store) -> None:
    app = holdall.asgi.App(store, upload=lambda _scope: ("alice", "x.txt"))
    answer = json.loads(put_to(app, b"hello").text)
    (version,) = store.drive("alice").versions("x.txt")
    for name in ("id", "file_id", "number", "size", "sha1", "blake3", "media_type"):
        assert answer[name] == getattr(version, name)
    assert answer["crc64"] == version.crc64_text
