"""Serves the URLs of a store in any WSGI server: gunicorn, waitress, mod_wsgi, and others.

    application = holdall.wsgi.App(holdall.open("files"))

An app may be mounted under a prefix; the store's ``base_url`` then ends with that prefix, as in
``holdall.open("files", base_url="/files/")``.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus
from io import FileIO
from itertools import islice
from typing import Any, BinaryIO

from . import errors
from ._holdall import Api, Caller, Reply, Store
from ._reader import Reader, own_file
from ._serve import (
    BODILESS,
    REST,
    UPLOADS,
    Answer,
    LengthRequired,
    Target,
    Upload,
    answer,
    call,
    escaped,
    piece_of,
    refused,
    said,
)

__all__ = ["App", "body_of", "path_of", "receive", "reply_to"]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WhoCalls = Callable[[Environ], Caller | None]

FILE_FROM = 64 << 10
"""Bytes from which a body is left to a server that sends files."""

CHUNK = 256 << 10
"""Bytes that are read of a request at once."""

PIECE = 1 << 20
"""Bytes of one piece of a reply: each costs a system call, and a wait for the client."""

UNTOLD = ("Granian",)
"""Servers that mark the end of a body also where the client was cut off."""

NO_LENGTH = "this server needs the length of an upload: send Content-Length"

HEADERS = {
    "HTTP_RANGE": "Range",
    "HTTP_IF_RANGE": "If-Range",
    "HTTP_IF_MATCH": "If-Match",
    "HTTP_IF_NONE_MATCH": "If-None-Match",
    "HTTP_IF_MODIFIED_SINCE": "If-Modified-Since",
    "HTTP_IF_UNMODIFIED_SINCE": "If-Unmodified-Since",
    "HTTP_ORIGIN": "Origin",
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "Access-Control-Request-Method",
}
"""The request headers that a reply depends on."""


class App:
    """A WSGI application that serves GET and HEAD of the URLs of a store, and takes uploads.

    upload: the host's check of a PUT or POST, whose body is the content. It is called with the
        environ and returns where the content goes, as a pair of a drive (or its name) and a path,
        or None to refuse it; an exception of `holdall.errors` gives the answer its status. Without
        a check there are no uploads.
    api: what `Store.api` made: it answers at the addresses of Cloudreve and PDS.
    caller: the host's check of a request for the api. It is called with the environ and returns
        the Caller, or None if the caller is unknown; an exception of `holdall.errors` gives the
        reply its status. Without it nobody is known.
    """

    def __init__(
        self,
        store: Store,
        *,
        upload: Callable[[Environ], Target | None] | None = None,
        api: Api | None = None,
        caller: WhoCalls | None = None,
    ) -> None:
        if api is None and caller is not None:
            raise errors.InvalidArgument("caller says who calls an api; give api=store.api(), too")
        self.store = store
        self.upload = upload
        self.api = api
        self.caller = caller

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if self.api is not None and self.api.is_at(target_of(environ)):
            if environ["REQUEST_METHOD"] not in BODILESS and not is_delimited(environ):
                answer = said(411, "text/plain", f"{NO_LENGTH}\n".encode())
                start_response(status_line(answer.status), answer.headers)
                return [answer.body]
            reply = reply_to_call(self.api, self.caller, environ)
            start_response(status_line(reply.status), reply.headers)
            return body_of(reply, environ.get("wsgi.file_wrapper"))
        if self.upload is not None and environ["REQUEST_METHOD"] in UPLOADS:
            answer = receive(self.store, environ, self.upload)
            start_response(status_line(answer.status), answer.headers)
            return [answer.body]
        reply = reply_to(self.store, environ)
        start_response(status_line(reply.status), reply.headers)
        return body_of(reply, environ.get("wsgi.file_wrapper"))

    def __repr__(self) -> str:
        return f"<holdall.wsgi.App of {self.store!r}>"


def status_line(status: int) -> str:
    """Returns a status as WSGI takes it."""
    return f"{status} {HTTPStatus(status).phrase}"


def reply_to(store: Store, environ: Environ, *, target: str | None = None) -> Reply:
    """Makes the reply to a request.

    target: the URL to answer with, where it is not the request's own.
    """
    return answer(
        store,
        environ["REQUEST_METHOD"],
        target_of(environ) if target is None else target,
        [(name, environ[key]) for key, name in HEADERS.items() if key in environ],
        environ.get("REMOTE_ADDR") or None,
    )


def path_of(environ: Environ) -> str:
    """Returns the path of a request below where the app is mounted, decoded from UTF-8.

    WSGI has it as Latin-1: ``environ["PATH_INFO"]`` shows other letters than the client wrote.

    Raises InvalidArgument when it is not UTF-8.
    """
    path: str = environ.get("PATH_INFO", "")
    try:
        return path.encode("latin-1").decode()
    except UnicodeError as error:
        raise errors.InvalidArgument("the path of a request is not UTF-8") from error


def target_of(environ: Environ) -> str:
    """Returns the target of a request, as near to it as the server says."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return escaped(path.encode("latin-1"), environ.get("QUERY_STRING", ""))


def reply_to_call(api: Api, check: WhoCalls | None, environ: Environ) -> Reply:
    """Makes the reply to a request at an address of the wire formats, whose body is streamed."""
    content = content_of(environ)
    try:
        reply = call(
            api,
            check(environ) if check is not None else None,
            environ["REQUEST_METHOD"],
            target_of(environ),
            headers_of(environ),
            content,
            environ.get("REMOTE_ADDR") or None,
        )
    except errors.Error as error:
        reply = refused(error)
    with suppress(errors.Mismatch, OSError):
        for _ in islice(content, REST // CHUNK):
            pass
    return reply


def body_of(
    reply: Reply, file_wrapper: Callable[[Any, int], Iterable[bytes]] | None = None
) -> Iterable[bytes]:
    """Returns the body of a reply as WSGI takes it: the server's file wrapper, or real bytes.

    The wrapper gets the file of a large content that goes out whole. It gets no file that holds
    more than the body: servers differ in where they begin such a file, and where they end.

    file_wrapper: the ``wsgi.file_wrapper`` of the request, where there is one.
    """
    if not len(reply.body) or (len(reply.body) < FILE_FROM and reply.pace is None):
        return [bytes(reply.body)]
    if file_wrapper is not None and reply.pace is None:
        return file_wrapper(file_of(reply) or Bare(reply.body.open()), PIECE)
    return pieces(reply)


class Bare:
    """The body of a reply as a file without a number: a server can only read it, to its end."""

    def __init__(self, reader: Reader) -> None:
        self.read, self.seek, self.tell = reader.read, reader.seek, reader.tell
        self.seekable, self.close = reader.seekable, reader.close


def file_of(reply: Reply) -> FileIO | None:
    """Opens the file that a reply is, if it is a whole one that is not to go at a pace."""
    return own_file(reply.body) if reply.status == 200 and reply.pace is None else None


def pieces(reply: Reply) -> Iterator[bytes]:
    """Goes through the body of a reply as bytes, no faster than its pace."""
    began, sent = time.monotonic(), 0
    for chunk in reply.body.chunks(piece_of(reply.pace, PIECE)):
        if reply.pace:
            time.sleep(max(0.0, began + sent / reply.pace - time.monotonic()))
            sent += len(chunk)
        yield bytes(chunk)


def receive(store: Store, environ: Environ, check: Callable[[Environ], Target | None]) -> Answer:
    """Puts the body of a request where the check says, and answers with what became of it."""
    upload = Upload(store, headers_of(environ))
    try:
        if not is_delimited(environ):
            raise LengthRequired(NO_LENGTH)
        options = upload.options()
        drive, path = upload.place(check(environ))
        return upload.done(drive.put(path, content_of(environ), **options))
    except errors.Error as error:
        return upload.failed(error)


def headers_of(environ: Environ) -> dict[str, str]:
    """Returns the headers of a request by their names in lower case."""
    names = {key: key[5:] for key in environ if key.startswith("HTTP_")}
    names |= {key: key for key in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(key)}
    return {name.lower().replace("_", "-"): environ[key] for key, name in names.items()}


def uncompressed(environ: Environ) -> None:
    """Keeps a framework's compression off a reply. Its length, ranges and tag are those of the
    stored bytes: a part that is compressed, or the rest of what was, makes a file of nonsense.
    """
    environ.pop("HTTP_ACCEPT_ENCODING", None)


def is_delimited(environ: Environ) -> bool:
    """Returns whether the end of a request's body can be recognised: by its length, or because the
    server marks it (``wsgi.input_terminated``). If not, a body in chunks would be read as an empty
    one, or one that was cut as whole.
    """
    chunked = "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH")
    if environ.get("SERVER_SOFTWARE") in UNTOLD:
        return not chunked
    return bool(environ.get("wsgi.input_terminated")) or not chunked


def content_of(environ: Environ) -> Iterator[bytes]:
    """Reads the body of a request: as long as was said, or to its end where the server marks it.

    Raises Mismatch when it ends early: the client has gone away.
    """
    source: BinaryIO = environ["wsgi.input"]
    if not environ.get("CONTENT_LENGTH"):
        if environ.get("wsgi.input_terminated"):
            yield from iter(lambda: source.read(CHUNK), b"")
        return
    length = environ["CONTENT_LENGTH"]
    if not (length.isascii() and length.isdigit()):
        raise errors.Mismatch(f"the length {length[:40]!r} is not a number")
    left = int(length)
    while left > 0:
        piece = source.read(min(left, CHUNK))
        if not piece:
            raise errors.Mismatch(f"the upload ended {left} bytes early")
        left -= len(piece)
        yield piece
