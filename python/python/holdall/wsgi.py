"""Serves the URLs of a store in any WSGI server: gunicorn, waitress, mod_wsgi, and others.

    application = holdall.wsgi.App(holdall.open("files"))

An app may be mounted under a prefix; the store's ``base_url`` then ends with that prefix, as in
``holdall.open("files", base_url="/files/")``.
"""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, BinaryIO

from . import errors
from ._holdall import Body, Reply, Store
from ._reader import Run, only_run
from ._serve import UPLOADS, Answer, Target, Upload, answer, escaped

__all__ = ["App", "body_of", "receive", "reply_to"]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

FILE_FROM = 64 << 10
"""Bytes from which a body is left to a server that sends files."""

CHUNK = 256 << 10
"""Bytes of one piece of a body."""

HEADERS = {
    "HTTP_RANGE": "Range",
    "HTTP_IF_RANGE": "If-Range",
    "HTTP_IF_MATCH": "If-Match",
    "HTTP_IF_NONE_MATCH": "If-None-Match",
    "HTTP_IF_MODIFIED_SINCE": "If-Modified-Since",
    "HTTP_IF_UNMODIFIED_SINCE": "If-Unmodified-Since",
}
"""The request headers that a reply depends on."""


class App:
    """A WSGI application that serves GET and HEAD of the URLs of a store, and takes uploads.

    upload: the host's check of a PUT or POST, whose body is the content. It is called with the
        environ and returns where the content goes, as a pair of a drive (or its name) and a path,
        or None to refuse it; an exception of `holdall.errors` gives the answer its status. Without
        a check there are no uploads.
    """

    def __init__(
        self, store: Store, *, upload: Callable[[Environ], Target | None] | None = None
    ) -> None:
        self.store = store
        self.upload = upload

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if self.upload is not None and environ["REQUEST_METHOD"] in UPLOADS:
            told = receive(self.store, environ, self.upload)
            start_response(status_line(told.status), told.headers)
            return [told.body]
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
    if target is None:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        target = escaped(path.encode("latin-1"), environ.get("QUERY_STRING", ""))
    return answer(
        store,
        environ["REQUEST_METHOD"],
        target,
        [(name, environ[key]) for key, name in HEADERS.items() if key in environ],
        environ.get("REMOTE_ADDR") or None,
    )


def body_of(
    reply: Reply, file_wrapper: Callable[[Any, int], Iterable[bytes]] | None = None
) -> Iterable[bytes]:
    """Returns the body of a reply as WSGI takes it: the server's file wrapper, or real bytes.

    `file_wrapper` is the ``wsgi.file_wrapper`` of the request, where there is one.
    """
    if len(reply.body) < FILE_FROM:
        return [bytes(reply.body)]
    if file_wrapper is not None and only_run(reply.body) is not None:
        return file_wrapper(Run(reply.body), CHUNK)
    return pieces(reply.body)


def pieces(body: Body) -> Iterator[bytes]:
    """Goes through a body as bytes."""
    for chunk in body.chunks(CHUNK):
        yield bytes(chunk)


def receive(store: Store, environ: Environ, check: Callable[[Environ], Target | None]) -> Answer:
    """Puts the body of a request where the check says, and answers with what became of it."""
    upload = Upload(store, headers_of(environ))
    try:
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


def content_of(environ: Environ) -> Iterator[bytes]:
    """Reads the body of a request: as long as was said, or to its end where the server marks it.

    Raises Mismatch when it ends early: the client has gone away.
    """
    source: BinaryIO = environ["wsgi.input"]
    if not environ.get("CONTENT_LENGTH"):
        if environ.get("wsgi.input_terminated"):
            yield from iter(lambda: source.read(CHUNK), b"")
        return
    left = int(environ["CONTENT_LENGTH"])
    while left > 0:
        piece = source.read(min(left, CHUNK))
        if not piece:
            raise errors.Mismatch(f"the upload ended {left} bytes early")
        left -= len(piece)
        yield piece
