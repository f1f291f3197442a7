"""What waits for the disk runs in a thread of holdall's, whatever the loop does meanwhile."""

import asyncio
import os
import pathlib
import threading
from collections.abc import AsyncIterator

import pytest

import holdall
from holdall import aio


def test_a_store_is_used_from_a_loop(tmp_path: pathlib.Path) -> None:
    content = os.urandom((3 << 20) + 5)

    async def stream() -> AsyncIterator[bytes]:
        for at in range(0, len(content), 100_000):
            yield content[at : at + 100_000]

    async def use() -> None:
        store = await aio.call(holdall.open, tmp_path / "store")
        drive = await aio.call(store.drive, "alice")
        version = await aio.put(drive, "a/large.bin", stream())
        assert version.size == len(content)
        url = await aio.call(store.url, version, expires=60)
        reply = await aio.call(store.serve, "GET", url, {"Range": "bytes=7-"})
        got = [bytes(chunk) async for chunk in aio.chunks(reply.body, 1 << 20)]
        assert b"".join(got) == content[7:]
        assert max(map(len, got)) <= 1 << 20
        for number in range(150):
            await aio.put(drive, f"many/{number:03}", b"x")
        paths = [path async for path, row in aio.each(drive.walk("many"))]
        assert len(paths) == 150
        assert paths == sorted(paths)
        with pytest.raises(holdall.errors.NotFound, match="nothing"):
            await aio.call(drive.stat, "nothing")
        await aio.call(store.close)

    asyncio.run(use())


def test_the_loop_goes_on_while_a_call_waits() -> None:
    async def use() -> None:
        go = threading.Event()
        waiting = asyncio.create_task(
            aio.call(lambda: (go.wait(30), threading.current_thread().name))
        )
        await asyncio.sleep(0)
        assert not waiting.done()
        go.set()
        arrived, name = await waiting
        assert arrived
        assert name.startswith("holdall-put")

    asyncio.run(use())


def test_a_cancelled_call_is_finished_first() -> None:
    done: list[bool] = []

    async def use() -> None:
        begun, go = threading.Event(), threading.Event()

        def work() -> None:
            begun.set()
            go.wait(30)
            done.append(True)

        task = asyncio.create_task(aio.call(work))
        assert await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(use())
    assert done == [True]
