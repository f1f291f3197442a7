"""Puts what comes from an event loop.

Puts have threads of their own, a bounded number of them, and take one up only while they write: a
client that sends slowly holds none, and one that stalls keeps neither downloads nor others' puts
waiting. A source may use the loop's own threads.
"""

import asyncio
import inspect
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Protocol, TypeVar, cast

from ._holdall import Drive, Version

BLOCK = 1 << 20
"""Bytes of an async file that are asked for at once."""

GATHER = 256 << 10
"""Bytes that are gathered from shorter pieces before a thread is taken up with them."""

THREADS = 32
"""The most threads of puts and calls."""

Bytes = bytes | bytearray | memoryview

T = TypeVar("T")


@cache
def threads() -> ThreadPoolExecutor:
    """Returns the threads of puts and calls."""
    return ThreadPoolExecutor(THREADS, "holdall-put")


# A child has none of them.
os.register_at_fork(after_in_child=threads.cache_clear)


class AsyncFile(Protocol):
    """A file whose `read` is async, as the uploads of web frameworks have it."""

    async def read(self, size: int, /) -> bytes: ...


async def put(
    drive: Drive, path: str, source: AsyncFile | AsyncIterable[Bytes] | object, **options: Any
) -> Version:
    """Puts content at `path` of a drive as `Drive.put` does, without blocking asyncio's loop.

    source: an upload or file whose read is async, an async iterable of bytes such as the stream of
        a request, or whatever `Drive.put` takes: no str.
    options: the keyword arguments of `Drive.put`. A `progress` is called in another thread.

    Raises as `Drive.put` does, and what the source raises. When the task is cancelled, so is the
    put, and nothing is left behind.
    """
    if inspect.iscoroutinefunction(getattr(source, "read", None)):
        return await written(drive, path, pieces_of(cast(AsyncFile, source)), **options)
    if isinstance(source, AsyncIterable):
        return await written(drive, path, gathered(aiter(source)), **options)
    content: Any = source
    return await in_thread(lambda: drive.put(path, content, **options))


async def written(
    drive: Drive,
    path: str,
    pieces: AsyncIterator[Bytes],
    *,
    progress: Callable[[int], object] | None = None,
    **options: Any,
) -> Version:
    """Puts pieces as they come, each in a thread."""
    writer = await in_thread(lambda: drive._writer(path, **options))

    def take(piece: Bytes) -> None:
        writer.write(piece)
        if progress is not None:
            progress(memoryview(piece).nbytes)

    try:
        async for piece in pieces:
            await in_thread(lambda piece=piece: take(piece))  # type: ignore[misc]
        return await in_thread(writer.commit)
    finally:
        # It is in a thread and waited for, whatever has ended the put.
        await in_thread(writer.discard)


async def in_thread(work: Callable[[], T]) -> T:
    """Does work in a thread. When the task is cancelled, the work's end is waited for."""
    done = asyncio.get_running_loop().run_in_executor(threads(), work)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait([done])
        if not done.cancelled():
            done.exception()
        raise


async def gathered(pieces: AsyncIterator[Bytes]) -> AsyncIterator[Bytes]:
    """Joins short pieces."""
    held = bytearray()
    async for piece in pieces:
        if not isinstance(piece, Bytes) or (not held and len(piece) >= GATHER):
            yield piece  # what is not a piece is refused where it is written
            continue
        held += piece
        if len(held) >= GATHER:
            yield held
            held = bytearray()
    if held:
        yield held


async def pieces_of(file: AsyncFile) -> AsyncIterator[Bytes]:
    """Reads an async file to its end."""
    while piece := await file.read(BLOCK):
        yield piece
