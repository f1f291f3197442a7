"""Puts what comes from an event loop: the put is in a thread, what it takes is awaited."""

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any, Protocol, TypeVar, cast

from ._holdall import Drive, Version

BLOCK = 1 << 20
"""Bytes that an async file is asked for at once."""

Bytes = bytes | bytearray | memoryview

T = TypeVar("T")


class AsyncFile(Protocol):
    """A file whose `read` is async, as the uploads of web frameworks have it."""

    async def read(self, size: int, /) -> bytes: ...


async def put(
    drive: Drive, path: str, source: AsyncFile | AsyncIterable[Bytes] | object, **options: Any
) -> Version:
    """Puts content at `path` of a drive as `Drive.put` does, without blocking asyncio's loop.

    source: an upload or file whose read is async, an async iterable of bytes such as the stream of
        a request, or whatever `Drive.put` takes.
    options: the keyword arguments of `Drive.put`. A `progress` is called in another thread.

    Raises as `Drive.put` does, and what the source raises. When the task is cancelled, so is the
    put, and nothing is left behind.
    """
    content: Any = source
    intake = None
    if inspect.iscoroutinefunction(getattr(source, "read", None)):
        intake = content = Intake(pieces_of(cast(AsyncFile, source)))
    elif isinstance(source, AsyncIterable):
        intake = content = Intake(aiter(source))
    return await in_thread(lambda: drive.put(path, content, **options), intake)


async def in_thread(work: Callable[[], T], intake: "Intake | None") -> T:
    """Does work in a thread. When the task is cancelled, so is the intake that the work takes
    from, and the work's end is waited for.
    """
    done = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        if intake is not None:
            intake.cancel()
        await asyncio.wait([done])
        if not done.cancelled():
            done.exception()
        raise


async def pieces_of(file: AsyncFile) -> AsyncIterator[Bytes]:
    """Reads an async file to its end."""
    while piece := await file.read(BLOCK):
        yield piece


class Intake:
    """An async iterator as a plain one for another thread, which waits for each piece."""

    def __init__(self, pieces: AsyncIterator[Bytes]) -> None:
        self._pieces = pieces
        self._loop = asyncio.get_running_loop()
        self._cancelled = False

    def __iter__(self) -> Iterator[Bytes]:
        return self

    def __next__(self) -> Bytes:
        if self._cancelled:
            raise CancelledError
        piece = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
        if piece is None:
            raise StopIteration
        return piece

    async def _next(self) -> Bytes | None:
        self._step = asyncio.current_task()
        if self._cancelled:
            raise asyncio.CancelledError
        return await anext(self._pieces, None)

    def cancel(self) -> None:
        """Ends it: the thread gets an exception where it waits."""
        self._cancelled = True
        if self._step is not None:
            self._step.cancel()

    _step: "asyncio.Task[Any] | None" = None
