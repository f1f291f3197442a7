"""Serves the URLs of a store in any ASGI server: uvicorn, hypercorn, granian, and others.

    app = holdall.asgi.App(holdall.open("files"))

An app may be mounted under a prefix; the store's ``base_url`` then ends with that prefix, as in
``holdall.open("files", base_url="/files/")``. The event loop is asyncio's. Reading, also of pages
that are not in memory, happens in its threads.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

from . import errors
from ._holdall import Api, Body, Caller, Reply, Store
from ._holdall import _Part as Part
from ._intake import gathered, in_thread, put
from ._reader import own_path
from ._serve import (
    BODILESS,
    REST,
    UPLOADS,
    Answer,
    Target,
    Upload,
    address,
    answer,
    call,
    escaped,
    piece_of,
    refused,
    unserved,
)

__all__ = ["App", "put", "respond", "send_reply"]

# Each framework has types of its own for these mappings, and they do not fit each other.
Scope = Any
Message = Any
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CHUNK = 512 << 10
"""Bytes of one message."""

FILE_FROM = 256 << 10
"""Bytes from which a body is left to a server that sends files by their path."""

LONGEST = 4 << 20
"""The longest body of a call that is not a part of an upload; longer ones are refused."""

VISIT = 64 << 10
"""The same of a call by somebody whom nobody knows: as many of them as there are connections may
wait in memory."""

Check = Callable[[Scope], Target | Awaitable[Target | None] | None]
WhoCalls = Callable[[Scope], Caller | Awaitable[Caller | None] | None]


class App:
    """An ASGI application that serves GET and HEAD of the URLs of a store, and takes uploads.

    upload: the host's check of a PUT or POST, whose body is the content. It is called with the
        scope, may be async, and returns where the content goes, as a pair of a drive (or its name)
        and a path, or None to refuse it; an exception of `holdall.errors` gives the answer its
        status. Without a check there are no uploads.
    api: what `Store.api` made: it answers at the addresses of Cloudreve and PDS.
    caller: the host's check of a request for the api. It is called with the scope, may be async,
        and returns the Caller, or None if the caller is unknown; an exception of
        `holdall.errors` gives the reply its status. Without it nobody is known.
    """

    def __init__(
        self,
        store: Store,
        *,
        upload: Check | None = None,
        api: Api | None = None,
        caller: WhoCalls | None = None,
    ) -> None:
        if api is None and caller is not None:
            raise errors.InvalidArgument("caller says who calls an api; give api=store.api(), too")
        self.store = store
        self.upload = upload
        self.api = api
        self.caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"a store serves http, not {scope['type']}")
        if self.api is not None and self.api.is_at(target_of(scope)):
            await respond_to_call(self.api, self.caller, scope, receive, send)
            return
        if self.upload is not None and scope["method"] in UPLOADS:
            await say(await take(self.store, scope, receive, self.upload), send)
            return
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
    target = target or target_of(scope)

    def reply() -> Prepared:
        headers, client = scope["headers"], client_of(scope)
        return prepare(answer(store, scope["method"], target, headers, client), scope)

    await send_prepared(await asyncio.to_thread(reply), receive, send)


async def respond_to_call(
    api: Api, check: WhoCalls | None, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answers a request at an address of the wire formats. No thread waits for its body."""
    content = content_of(receive)
    # A client that asks first gets the reply in place of "100 Continue".
    rest = scope["method"] not in BODILESS and b"expect" not in dict(scope["headers"])
    try:
        caller = check(scope) if check is not None else None
        if inspect.isawaitable(caller):
            caller = await caller
        part = None
        if scope["method"] == "PUT":
            part = await in_thread(lambda: begin_part(api, scope))
        if part is None:
            is_visitor = caller is None or caller.drive is None
            most = VISIT if is_visitor else LONGEST
            body = b"" if scope["method"] in BODILESS else await beginning(content, most)
            if is_visitor and len(body) > VISIT:
                raise errors.TooLarge(f"the body of a visitor's call is longer than {VISIT} bytes")
            rest = len(body) > most
            prepared = await in_thread(lambda: answered(api, caller, scope, body))
        elif isinstance(part, Reply):
            prepared = prepare(part, scope)
        else:
            reply, whole = await received(part, content)
            rest, prepared = not whole, prepare(reply, scope)
    except errors.Error as error:
        prepared = prepare(refused(error), scope)
    if rest:
        await throw_away(content)
    await send_prepared(prepared, receive, send)


def answered(api: Api, caller: Caller | None, scope: Scope, body: bytes) -> "Prepared":
    """Answers a call whose body is there."""
    target, headers, client = target_of(scope), scope["headers"], client_of(scope)
    return prepare(call(api, caller, scope["method"], target, headers, body, client), scope)


def begin_part(api: Api, scope: Scope) -> Part | Reply | None:
    """Begins to take a part of an upload; None if the call is not one."""
    client = address(client_of(scope))
    try:
        return api._part(target_of(scope), scope["headers"], client=client)
    except errors.Error as error:
        return unserved(error)


async def received(part: Part, content: AsyncIterator[bytes]) -> tuple[Reply, bool]:
    """Takes a part as it comes; returns the reply, and whether its body came to its end.

    Raises Mismatch when it ends early.
    """
    try:
        async for piece in gathered(content):
            if not await in_thread(lambda piece=piece: part.write(piece)):  # type: ignore[misc]
                return await in_thread(part.finish), False
        return await in_thread(part.finish), True
    except errors.Mismatch:
        raise
    except errors.Error as error:
        return unserved(error), False
    finally:
        await in_thread(part.discard)


async def beginning(content: AsyncIterator[bytes], most: int) -> bytes:
    """Waits for the body of a call, if it is not too long; for a little more than `most` bytes of
    one that is.

    Raises Mismatch when it ends early.
    """
    held = bytearray()
    async for piece in content:
        held += piece
        if len(held) > most:
            break
    return bytes(held)


async def throw_away(content: AsyncIterator[bytes]) -> None:
    """Takes what is left of a body, up to a limit."""
    left = REST
    with suppress(errors.Mismatch):
        while left > 0 and (piece := await anext(content, None)) is not None:
            left -= len(piece)


Prepared = tuple[Reply, str | None, bytes | None]
"""A reply, the path of the file that it is if the server sends such, and its first chunk if not."""


def prepare(reply: Reply, scope: Scope) -> Prepared:
    """Brings the first chunk of a reply into memory, in the thread that made the reply."""
    path = sendable_path(reply, scope)
    chunks = reply.body.chunks(piece_of(reply.pace, CHUNK))
    return reply, path, None if path is not None else piece(chunks)


def piece(chunks: Iterator[memoryview]) -> bytes | None:
    """Returns the next piece of a body; None behind the last. ASGI's messages hold bytes, and there
    are servers that take nothing else.
    """
    chunk = next(chunks, None)
    return None if chunk is None else bytes(chunk)


async def send_prepared(prepared: Prepared, receive: Receive, send: Send) -> None:
    """Sends a reply that a thread has prepared."""
    reply, path, first = prepared
    await send_reply(reply, send, receive, path=path, first=first)


def client_of(scope: Scope) -> str | None:
    """Returns the client's address, if the server knows it."""
    client = scope.get("client")
    return client[0] if client else None


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
    if len(reply.body) < FILE_FROM or reply.pace is not None:
        return None
    return own_path(reply.body)


async def send_reply(
    reply: Reply,
    send: Send,
    receive: Receive,
    *,
    path: str | None = None,
    first: bytes | None = None,
) -> None:
    """Sends a reply of `Store.serve`. When the client goes away, no more is read.

    path: the file that the whole reply is, where the server sends such files.
    first: the first of its chunks of 512 KiB, where a thread has brought it into memory already.
    """
    headers = encoded(reply.headers)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if path is not None:
        await send({"type": "http.response.pathsend", "path": path})
        return
    if first is None:
        first = await asyncio.to_thread(piece, reply.body.chunks(piece_of(reply.pace, CHUNK)))
    if first is None or len(first) == len(reply.body):
        await send({"type": "http.response.body", "body": first or b""})
        return
    await stream(reply.body, first, reply.pace, receive, send)


def encoded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Returns headers as ASGI takes them."""
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]


async def stream(body: Body, first: bytes, pace: int | None, receive: Receive, send: Send) -> None:
    """Sends a body chunk by chunk; the next is fetched while one is sent."""
    gone = asyncio.ensure_future(until_gone(receive))
    chunks: Iterator[memoryview] = body[len(first) :].chunks(piece_of(pace, CHUNK))
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    chunk: bytes | None = first
    try:
        while chunk is not None and not gone.done():
            ahead = loop.run_in_executor(None, piece, chunks)
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


async def take(store: Store, scope: Scope, receive: Receive, check: Check) -> Answer:
    """Puts the body of a request where the check says, and answers with what became of it."""
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    upload = Upload(store, headers)
    try:
        options = upload.options()
        target = check(scope)
        if inspect.isawaitable(target):
            target = await target
        drive, path = await asyncio.to_thread(upload.place, target)
        version = await put(drive, path, content_of(receive), **options)
        return await asyncio.to_thread(upload.done, version)
    except errors.Error as error:
        return upload.failed(error)


async def content_of(receive: Receive) -> AsyncIterator[bytes]:
    """Reads the body of a request.

    Raises Mismatch when it ends early: the client has gone away.
    """
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise errors.Mismatch("the client went away before the end of the upload")
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def say(answer: Answer, send: Send) -> None:
    """Sends an answer."""
    headers = encoded(answer.headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
