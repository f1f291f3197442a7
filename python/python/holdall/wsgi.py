"""Serves the URLs of a store in any WSGI server: gunicorn, waitress, mod_wsgi, and others.

    application = holdall.wsgi.App(holdall.open("files"))

An app may be mounted under a prefix; the store's ``base_url`` then ends with that prefix, as in
``holdall.open("files", base_url="/files/")``.
"""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from ._holdall import Body, Reply, Store
from ._reader import Run, only_run
from ._serve import answer, escaped

__all__ = ["App", "body_of", "reply_to"]

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
    """A WSGI application that serves GET and HEAD of the URLs of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        reply = reply_to(self.store, environ)
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", reply.headers)
        return body_of(reply, environ.get("wsgi.file_wrapper"))

    def __repr__(self) -> str:
        return f"<holdall.wsgi.App of {self.store!r}>"


def reply_to(store: Store, environ: dict[str, Any], *, target: str | None = None) -> Reply:
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
