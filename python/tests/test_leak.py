"""Memory stays flat, however much is served."""

import asyncio
import ctypes
import gc
import os
import pathlib
import resource
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

import holdall
import holdall.asgi
import holdall.wsgi

SERVES = 100_000
ALLOWED = 4 << 20


def memory() -> int:
    """Bytes of this process that are in memory."""
    pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def growth(work: Callable[[int], None], times: int) -> int:
    """Bytes that memory grows by, after a tenth of the work has warmed everything up."""
    work(times // 10)
    given_back()
    before = memory()
    work(times)
    given_back()
    return memory() - before


def given_back() -> None:
    """Gives the system what is free: what tests before have left would hide a leak."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture
def urls(alice: holdall.Drive, store: holdall.Store) -> list[str]:
    alice.put_many({f"dir/{number}": os.urandom(2000) for number in range(50)})
    small = store.url(alice.put("small", b"hello"))
    large = store.url(alice.put("large", os.urandom(2 << 20)))
    return [small, large, alice.archive(["dir"]), "/d/forged/x"]


def test_a_hundred_thousand_serves_take_no_memory(store: holdall.Store, urls: list[str]) -> None:
    def work(times: int) -> None:
        for number in range(times):
            reply = store.serve("GET", urls[number % 4], {"Range": "bytes=1-70000"})
            for chunk in reply.body:
                assert len(chunk) > 0
            assert reply.headers

    assert growth(work, SERVES) < ALLOWED


def test_neither_do_the_apps(store: holdall.Store, urls: list[str]) -> None:
    wsgi, asgi = holdall.wsgi.App(store), holdall.asgi.App(store)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    async def ask(times: int) -> None:
        for number in range(times):
            scope = {"type": "http", "method": "GET", "path": urls[number % 4], "headers": []}
            await asgi(scope, receive, send)

    def work(times: int) -> None:
        for number in range(times):
            environ = {"REQUEST_METHOD": "GET", "PATH_INFO": urls[number % 4]}
            for piece in wsgi(environ, lambda *_: None):
                assert len(piece) > 0
        asyncio.run(ask(times // 4))

    assert growth(work, 4000) < ALLOWED


def test_a_leak_would_show() -> None:
    kept: list[bytes] = []

    def work(times: int) -> None:
        kept.extend(b"x" * (10_000 + number) for number in range(times))

    assert growth(work, 5000) > ALLOWED


def test_no_object_of_python_s_is_left(alice: holdall.Drive, store: holdall.Store) -> None:
    version = alice.put("x", b"x")

    def work() -> None:
        for number in range(1000):
            url = store.url(version, expires=60, name=f"{number}")
            store.verify(url)
            bytes(store.serve("GET", url).body)
            alice.list()
            alice.put_many([])
            with pytest.raises(FileNotFoundError):
                alice.stat("missing")

    work()
    tracemalloc.start()
    try:
        work()
        before = tracemalloc.get_traced_memory()[0]
        work()
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()
