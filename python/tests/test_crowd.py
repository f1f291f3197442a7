"""A slow crowd: uploads that stall hold up nobody else, whatever their sources use."""

import asyncio
import pathlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from typing import Any

import aiofiles
import httpx
import pytest
from hosts import ASGI, EVERY

import holdall
import holdall.asgi

HANG = 60.0
"""Seconds after which something hangs."""

STALLED = 80
"""More than the threads of a loop, and more than those of puts."""

FEW = 20
"""More than a small pool has threads; of all four kinds fewer than the connections that waitress
takes, 100."""

APPS = """
import holdall, holdall.asgi, holdall.wsgi
store = holdall.open("files")
asgi = holdall.asgi.App(store, upload=lambda scope: ("alice", scope["path"][1:]))
wsgi = holdall.wsgi.App(store, upload=lambda env: ("alice", holdall.wsgi.path_of(env)[1:]))
"""

PATIENT = [
    *ASGI,
    *("gunicorn-gevent", "gevent-pywsgi", "waitress", "tornado", "bjoern", "granian-wsgi"),
]
"""The servers in which no client that stalls holds a worker: in the others each connection does,
whatever the app is, and a proxy belongs before them."""


@pytest.mark.parametrize("name", PATIENT)
def test_a_good_client_comes_through_a_stalled_crowd(
    name: str, tmp_path: pathlib.Path, server: Callable[..., str]
) -> None:
    (tmp_path / "apps.py").write_text(APPS)
    with holdall.open(tmp_path / "files") as store:
        url = store.url(store.drive("alice").put("good", bytes(3 << 20)))
        large = store.url(store.drive("alice").put("large", bytes(20 << 20)))
        base = server(*EVERY[name])
        host, port = base.removeprefix("http://").split(":")
        upload = b"PUT /stalled HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
        crowds = {
            "silent": b"",
            "half a head": f"GET {url} HTTP/1.1\r\nHost: x\r\nX-Slow: ".encode(),
            "half an upload": upload + bytes(300_000),
            "a download that nobody reads": f"GET {large} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        }
        with ExitStack() as crowd:
            for sent in crowds.values():
                is_many = name in ASGI and sent.startswith(b"PUT")
                for _ in range(STALLED if is_many else FEW):
                    wire = crowd.enter_context(socket.create_connection((host, int(port)), HANG))
                    wire.sendall(sent)
                got = httpx.get(base + url, timeout=HANG)
                assert got.content == bytes(3 << 20)
            made = httpx.put(f"{base}/mine", content=bytes(2 << 20), timeout=HANG)
            assert (made.status_code, made.json()["size"]) == (201, 2 << 20)


def together(drive: holdall.Drive, source: Callable[[], Any]) -> None:
    """Puts from many sources at once."""

    async def main() -> None:
        puts = (holdall.asgi.put(drive, f"x{at}", source()) for at in range(STALLED))
        versions = await asyncio.wait_for(asyncio.gather(*puts), HANG)
        assert {version.size for version in versions} == {3 << 20}

    asyncio.run(main())


def test_sources_that_use_the_loop_s_threads(alice: holdall.Drive, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(bytes(3 << 20))

    async def threaded() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield await asyncio.to_thread(bytes, 1 << 20)

    class Opened:
        """An async file that aiofiles opens at the first read."""

        file: Any = None

        async def read(self, size: int) -> bytes:
            if self.file is None:
                self.file = await aiofiles.open(path, "rb")
            piece = bytes(await self.file.read(size))
            if not piece:
                await self.file.close()
            return piece

    together(alice, threaded)
    together(alice, Opened)


def test_downloads_do_not_wait_for_stalled_sources(
    alice: holdall.Drive, store: holdall.Store
) -> None:
    url = store.url(alice.put("x", bytes(3 << 20)))

    async def stalled() -> AsyncIterator[bytes]:
        yield bytes(300_000)
        await asyncio.Event().wait()

    async def main() -> None:
        puts = [
            asyncio.ensure_future(holdall.asgi.put(alice, f"s{at}", stalled()))
            for at in range(STALLED)
        ]
        transport = httpx.ASGITransport(holdall.asgi.App(store))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            got = await asyncio.wait_for(client.get(url), HANG)
        assert got.content == bytes(3 << 20)
        for put in puts:
            put.cancel()
        await asyncio.wait_for(asyncio.gather(*puts, return_exceptions=True), HANG)

    asyncio.run(main())
    assert [row.name for row in alice.list()] == ["x"]
    assert not list((store.path / "spool").iterdir())


CALLS = """
import holdall, holdall.asgi
store = holdall.open("files")
asgi = holdall.asgi.App(
    store, api=store.api(), caller=lambda scope: holdall.Caller("alice", token="alice")
)
"""

LONG = 300_000
"""Bytes of a body that are more than a server takes in by itself."""


@pytest.mark.parametrize("name", ASGI)
@pytest.mark.parametrize("what", ["parts", "json"])
def test_calls_come_through_a_crowd_of_stalled_ones(
    name: str, what: str, tmp_path: pathlib.Path, server: Callable[..., str]
) -> None:
    (tmp_path / "apps.py").write_text(CALLS)
    base = server(*ASGI[name])
    host, port = base.removeprefix("http://").split(":")
    with httpx.Client(base_url=base, timeout=HANG) as client, ExitStack() as crowd:
        drive = client.post("/v2/drive/get_default_drive", json={}).json()["drive_id"]
        parts = [{"part_number": at + 1} for at in range(STALLED + 1)]
        asked = {"drive_id": drive, "parent_file_id": "root", "name": "x", "type": "file"}
        made = client.post("/v2/file/create", json=asked | {"part_info_list": parts}).json()
        good, *urls = [part["upload_url"] for part in made["part_info_list"]]
        for url in urls:
            line = f"PUT {url}" if what == "parts" else "POST /v2/file/get"
            head = f"{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n"
            wire = crowd.enter_context(socket.create_connection((host, int(port)), HANG))
            wire.sendall(head.encode() + b" " * LONG)
        for _ in range(3):
            assert client.put(good, content=bytes(3 << 20)).status_code == 200
            long = {"drive_id": drive, "file_id": made["file_id"], "filler": "x" * LONG}
            assert client.post("/v2/file/get", json=long).status_code == 404


def test_a_visitor_s_body_is_short(store: holdall.Store) -> None:
    def caller(scope: Any) -> holdall.Caller | None:
        known = b"authorization" in dict(scope["headers"])
        return holdall.Caller("alice", token="alice") if known else None

    async def main() -> None:
        app = holdall.asgi.App(store, api=store.api(), caller=caller)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            for length, known, refused in [
                (60_000, False, False),
                (70_000, False, True),
                (9_000_000, False, True),
                (70_000, True, False),
            ]:
                headers = {"Authorization": "alice"} if known else {}
                body = {"share_id": "x", "filler": "x" * length}
                got = await client.post("/v2/file/list", json=body, headers=headers)
                assert (got.status_code == 413) == refused, (length, known, got.text)

    asyncio.run(main())
