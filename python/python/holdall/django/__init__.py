"""A storage and a view for Django.

    STORAGES = {
        "default": {
            "BACKEND": "holdall.django.Storage",
            "OPTIONS": {"path": "files", "drive": "media", "base_url": "/media/"},
        },
        ...
    }

    urlpatterns = [path("media/<path:path>", holdall.django.serve)]

A file that is saved again under its name gets one more version; ``FileField.url`` is signed and
expires.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import Storage as BaseStorage
from django.core.files.storage import storages
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.deconstruct import deconstructible
from django.utils.timezone import make_naive

from .._holdall import Body, Drive, Reply, Store, open
from .._reader import Run, only_run
from ..errors import InvalidArgument, NotFound
from ..wsgi import CHUNK, FILE_FROM, pieces, reply_to

__all__ = ["Storage", "response", "serve"]


@deconstructible(path="holdall.django.Storage")
class Storage(BaseStorage):
    """Keeps files in a drive of a store, which each process opens at its first use.

    path: the directory of the store.
    drive: the name of the drive.
    base_url: what URLs begin with; mount `serve` there.
    expires: how long a URL lives, in seconds or as a timedelta.
    options: further arguments of `holdall.open`.
    """

    def __init__(
        self,
        path: str = "files",
        drive: str = "media",
        base_url: str = "/media/",
        expires: float | timedelta = 3600,
        **options: Any,
    ) -> None:
        self._path = path
        self._drive = drive
        self._expires = expires
        self._options = {**options, "base_url": base_url}

    @cached_property
    def store(self) -> Store:
        """The store."""
        return open(self._path, **self._options)

    @cached_property
    def drive(self) -> Drive:
        """The drive."""
        return self.store.drive(self._drive)

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        if mode != "rb":
            raise ValueError(f"a stored file is opened with mode 'rb', not {mode!r}; save it anew")
        return File(self.drive.open(name), name)  # type: ignore[arg-type]

    def _save(self, name: str, content: "File[bytes]") -> str:
        content.seek(0)
        try:
            self.drive.put(name, content.chunks())
        except InvalidArgument as error:
            # What Django answers with 400.
            raise SuspiciousFileOperation(str(error)) from error
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Returns the name itself: what is there gets one more version."""
        if max_length is not None and len(name) > max_length:
            return str(super().get_available_name(name, max_length))
        return name

    def delete(self, name: str) -> None:
        with suppress(NotFound):
            self.drive.delete(name)

    def exists(self, name: str) -> bool:
        try:
            self.drive.stat(name)
        except NotFound:
            return False
        return True

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        rows = self.drive.list(path.strip("/"))
        folders = [row.name for row in rows if row.is_folder]
        return folders, [row.name for row in rows if not row.is_folder]

    def size(self, name: str) -> int:
        return self.drive.stat(name).size

    def url(self, name: str | None) -> str:
        return self.drive.url(name or "", expires=self._expires)

    def get_created_time(self, name: str) -> datetime:
        return as_configured(self.drive.stat(name).created)

    def get_modified_time(self, name: str) -> datetime:
        return as_configured(self.drive.stat(name).modified)

    def get_accessed_time(self, name: str) -> datetime:
        return self.get_modified_time(name)


def as_configured(moment: datetime) -> datetime:
    """Returns a moment aware or naive, as the project has it."""
    return moment if settings.USE_TZ else make_naive(moment)


def serve(request: HttpRequest, path: str = "", storage: str = "default") -> HttpResponseBase:
    """A view that answers for the URLs of a storage, by its name in STORAGES."""
    return response(cast(Storage, storages[storage]).store, request)


def response(store: Store, request: HttpRequest, *, url: str | None = None) -> HttpResponseBase:
    """Answers a request from a store: GET and HEAD of its URLs, under WSGI and ASGI.

    url: a URL of the store to answer with, where it is not the request's own: a view that has
        checked the request itself signs one on the spot, and the client sees no redirect.
    """
    environ = {**request.META, "REQUEST_METHOD": request.method}
    reply = reply_to(store, environ, target=url or request.get_full_path())
    answer = with_body(reply, isinstance(request, ASGIRequest))
    del answer.headers["Content-Type"]
    for name, value in reply.headers:
        answer.headers[name] = value
    return answer


def with_body(reply: Reply, is_async: bool) -> HttpResponseBase:
    if len(reply.body) < FILE_FROM:
        return HttpResponse(bytes(reply.body), status=reply.status)
    if is_async:
        return StreamingHttpResponse(pieces_from_threads(reply.body), status=reply.status)
    answer = StreamingHttpResponse(pieces(reply.body), status=reply.status)
    if only_run(reply.body) is not None:
        # Where the server has a file wrapper, Django's handler gives it this.
        file = Run(reply.body)
        handler: Any = answer
        handler._resource_closers.append(file.close)
        handler.file_to_stream = file
        handler.block_size = CHUNK
    return answer


async def pieces_from_threads(body: Body) -> AsyncIterator[memoryview]:
    """Goes through a body; what is not in memory is waited for in a thread."""
    chunks = body.chunks(CHUNK)
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        yield chunk
