"""Serves the URLs of a store in any ASGI server: uvicorn, hypercorn, granian, and others.

    app = holdall.asgi.App(holdall.open("files"))

An app may be mounted under a prefix; the store's ``base_url`` then ends with that prefix, as in
``holdall.open("files", base_url="/files/")``. The event loop is asyncio's. Reading, also of pages
that are not in memory, happens in its threads.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from ._holdall import Body, Reply, Store
from ._reader import path_of
from ._serve import answer, escaped

__all__ = ["App", "respond", "send_reply"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CHUNK = 512 << 10
"""Bytes of one message."""

PATHSEND_FROM = 256 << 10
"""Bytes from which a file is left to a server that sends files by path."""


class App:
    """An ASGI application that serves GET and HEAD of the URLs of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"a store serves http, not {scope['type']}")
        await respond(self.store, scope, receive, send)

    def __repr__(self) -> str:
        return f"<holdall.asgi.App of {self.store!r}>"


async def respond(
    store: Store, scope: Scope, receive: Receive, send: Send, *, target: str | None = None
) -> None:
    """Answers a request from a store.

    target: the URL to answer with, where it is not the request's own: a host that has checked
        the request itself may sign one for it on the spot.
    """
    reply, path, first = await asyncio.to_thread(prepare, store, scope, target or target_of(scope))
    await send_reply(reply, send, receive, path=path, first=first)


def prepare(store: Store, scope: Scope, target: str) -> tuple[Reply, str | None, memoryview | None]:
    """Makes the reply and brings its first chunk into memory, in one visit to a thread."""
    client = scope.get("client")
    address = client[0] if client else None
    reply = answer(store, scope["method"], target, scope["headers"], address)
    path = sendable_path(reply, scope)
    return reply, path, None if path else next(reply.body.chunks(CHUNK), None)


async def live(receive: Receive, send: Send) -> None:
    """Answers the server's start and end; the store is its opener's to close."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def target_of(scope: Scope) -> str:
    """Returns the target of a request as it was sent, or as near to it as the server says."""
    query = scope.get("query_string", b"").decode("latin-1")
    raw = scope.get("raw_path")
    if raw is None:
        return escaped(scope["path"].encode(), query)
    path = raw.split(b"?", 1)[0].decode("latin-1")
    return f"{path}?{query}" if query else path


def sendable_path(reply: Reply, scope: Scope) -> str | None:
    """Returns the path of the file that the whole reply is, if the server sends such files."""
    if "http.response.pathsend" not in (scope.get("extensions") or {}) or reply.status != 200:
        return None
    if len(reply.body) < PATHSEND_FROM or reply.pace is not None:
        return None
    return path_of(reply.body)


async def send_reply(
    reply: Reply,
    send: Send,
    receive: Receive,
    *,
    path: str | None = None,
    first: memoryview | None = None,
) -> None:
    """Sends a reply of `Store.serve`. When the client goes away, no more is read.

    path: the file that the whole reply is, where the server sends such files.
    first: the first of its chunks of 512 KiB, where a thread has brought it into memory already.
    """
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if path is not None:
        await send({"type": "http.response.pathsend", "path": path})
        return
    if first is None:
        first = await asyncio.to_thread(next, reply.body.chunks(CHUNK), None)
    if first is None or len(first) == len(reply.body):
        await send({"type": "http.response.body", "body": first or b""})
        return
    await stream(reply.body, first, reply.pace, receive, send)


async def stream(
    body: Body, first: memoryview, pace: int | None, receive: Receive, send: Send
) -> None:
    """Sends a body chunk by chunk; the next is fetched while one is sent."""
    gone = asyncio.ensure_future(until_gone(receive))
    chunks: Iterator[memoryview] = body[len(first) :].chunks(CHUNK)
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    chunk: memoryview | None = first
    try:
        while chunk is not None and not gone.done():
            ahead = loop.run_in_executor(None, next, chunks, None)
            try:
                sent += len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if pace:
                    await asyncio.sleep(began + sent / pace - loop.time())
            finally:
                chunk = await ahead
        if chunk is None:
            await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def until_gone(receive: Receive) -> None:
    """Returns when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
