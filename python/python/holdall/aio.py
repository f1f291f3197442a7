"""Calls that wait for the disk, from asyncio.

    drive = await call(store.drive, "alice")
    version = await put(drive, "notes/today.txt", request.stream())
    rows = await call(drive.list, "notes", limit=100)
    async for path, row in each(drive.walk()):
        ...
    reply = await call(store.serve, "GET", url, headers)
    async for chunk in chunks(reply.body):
        ...

They run on threads of holdall's own, at most 32, so neither the loop nor its default executor
waits. What a cancelled task has begun is finished first.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice
from typing import ParamSpec, TypeVar

from ._holdall import Body
from ._intake import in_thread, put

__all__ = ["call", "chunks", "each", "put"]

P = ParamSpec("P")
T = TypeVar("T")

AHEAD = 64
"""Items of an iterable that are taken in one go."""


async def call(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls a function or method in a thread, such as `store.url` or `drive.list`.

    Raises what it raises. When the task is cancelled, the call's end is waited for.
    """
    return await in_thread(lambda: work(*args, **kwargs))


async def chunks(body: Body, size: int = 1 << 20) -> AsyncIterator[memoryview]:
    """Yields the bytes of a body, in memoryviews of at most `size` bytes. What is next is brought
    into memory in a thread.

    Raises Corrupt and Io when the content cannot be read: the transfer is then to be broken off.
    """
    pieces = body.chunks(size)
    while (piece := await in_thread(lambda: next(pieces, None))) is not None:
        yield piece


async def each(items: Iterable[T]) -> AsyncIterator[T]:
    """Yields the items of an iterator such as `drive.walk`, taken in a thread, 64 at a time."""
    iterator = iter(items)
    while batch := await in_thread(lambda: list(islice(iterator, AHEAD))):
        for item in batch:
            yield item
