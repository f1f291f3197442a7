"""A storage and a view for Django.

    STORAGES = {
        "default": {
            "BACKEND": "holdall.django.Storage",
            "OPTIONS": {"path": BASE_DIR / "files", "drive": "media", "base_url": "/media/"},
        },
        ...
    }

    urlpatterns = [path("media/<path:path>", holdall.django.serve)]

``FileField.url`` is signed and expires. With ``"allow_overwrite": True`` a file that is saved again
under its name gets one more version.
"""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Iterator
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
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.deconstruct import deconstructible
from django.utils.encoding import filepath_to_uri
from django.utils.timezone import make_naive

from .._holdall import Body, Drive, Reply, Store, open
from ..errors import Exists, InvalidArgument, NotFound
from ..wsgi import CHUNK, FILE_FROM, file_of, pieces, reply_to

__all__ = ["Storage", "response", "serve"]


@deconstructible(path="holdall.django.Storage")
class Storage(BaseStorage):
    """Keeps files in a drive of a store, which each process opens at its first use.

    path: the directory of the store; one that is not absolute is looked for from where a process
        was started.
    drive: the name of the drive.
    base_url: what URLs begin with; mount `serve` there.
    expires: how long a URL lives, in seconds or as a timedelta.
    allow_overwrite: whether a file that is saved under a name that is taken becomes one more
        version of the file there. If not, it gets another name, as in Django's own storage: rows
        whose files have the same name have a file each.
    options: further arguments of `holdall.open`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = "files",
        drive: str = "media",
        base_url: str = "/media/",
        expires: float | timedelta = 3600,
        allow_overwrite: bool = False,
        **options: Any,
    ) -> None:
        self._path = path
        self._drive = drive
        self._expires = expires
        self._allow_overwrite = allow_overwrite
        self._options = {**options, "base_url": base_url}

    @cached_property
    def store(self) -> Store:
        """The store."""
        return open(self._path, **self._options)

    @cached_property
    def drive(self) -> Drive:
        """The drive."""
        return self.store.drive(self._drive)

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        if mode == "rb":
            return File(self.drive.open(name), name)  # type: ignore[arg-type]
        if mode in ("r", "rt"):
            reader = io.BufferedReader(self.drive.open(name))
            return File(io.TextIOWrapper(reader, encoding="utf-8"), name)
        raise ValueError(
            f"a stored file is opened to be read, not with mode {mode!r}; save it anew"
        )

    def _save(self, name: str, content: "File[Any]") -> str:
        content.seek(0)
        expect = None if self._allow_overwrite else "absent"
        while True:
            try:
                self.drive.put(name, chunks_of(content), expect=expect)
            except InvalidArgument as error:
                # What Django answers with 400.
                raise SuspiciousFileOperation(str(error)) from error
            except Exists:
                # Somebody was faster, or a file is where a folder would have to be.
                free = self.get_available_name(name)
                if free == name:
                    raise
                name = free
            else:
                return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Returns a name that is free; the name itself where it may be overwritten."""
        if self._allow_overwrite and (max_length is None or len(name) <= max_length):
            return name
        return str(super().get_available_name(name, max_length))

    def delete(self, name: str) -> None:
        """Deletes a file for good, with its versions, or an empty folder; what is not there is no
        error.

        Raises Exists for a folder with something in it.
        """
        if not name:
            raise InvalidArgument("the name of a file to delete is empty")
        with suppress(NotFound):
            if self.drive.stat(name).is_folder and self.drive.list(name, limit=1):
                raise Exists(f"the folder {name!r} is not empty; drive.delete takes all of it")
            self.drive.delete(name)

    def exists(self, name: str) -> bool:
        try:
            self.drive.stat(name)
        except (NotFound, InvalidArgument):
            return False
        return True

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        rows = self.drive.list(path.strip("/"))
        folders = [row.name for row in rows if row.is_folder]
        return folders, [row.name for row in rows if not row.is_folder]

    def size(self, name: str) -> int:
        return self.drive.stat(name).size

    def url(self, name: str | None) -> str:
        """Returns a URL that expires; of a file that is not there, one that leads nowhere."""
        try:
            return self.drive.url(name or "", expires=self._expires)
        except NotFound:
            # A page that shows many rows is not to fail for one, such as the admin's.
            return f"{self._options['base_url'].rstrip('/')}/{filepath_to_uri(name)}"

    def get_created_time(self, name: str) -> datetime:
        return as_configured(self.drive.stat(name).created)

    def get_modified_time(self, name: str) -> datetime:
        return as_configured(self.drive.stat(name).modified)

    def get_accessed_time(self, name: str) -> datetime:
        return self.get_modified_time(name)


def chunks_of(content: "File[Any]") -> Iterator[bytes]:
    """Goes through a file's content; text, as a ContentFile may hold, is UTF-8."""
    for chunk in content.chunks():
        yield chunk.encode() if isinstance(chunk, str) else chunk


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
    file = file_of(reply)
    if file is not None:
        return WholeFile(file, status=reply.status)
    return StreamingHttpResponse(pieces(reply.body), status=reply.status)


class WholeFile(FileResponse):
    """A file that goes by the server's file wrapper, unless a middleware changes the content."""

    block_size = CHUNK

    def set_headers(self, filelike: Any) -> None:
        """The headers are the reply's."""


async def pieces_from_threads(body: Body) -> AsyncIterator[memoryview]:
    """Goes through a body; what is not in memory is waited for in a thread."""
    chunks = body.chunks(CHUNK)
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        yield chunk
