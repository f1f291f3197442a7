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
import posixpath
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import Storage as BaseStorage
from django.core.files.storage import storages
from django.core.files.utils import validate_file_name
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

from .._holdall import Drive, Reply, Store, open
from .._serve import piece_of
from ..errors import Exists, InvalidArgument, NotFound
from ..wsgi import CHUNK, FILE_FROM, file_of, pieces, reply_to, uncompressed

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
        return StoredFile(self, name, mode)

    def _reader(self, name: str, mode: str) -> Any:
        """Opens what is stored."""
        if mode == "rb":
            return self.drive.open(name)
        if mode in ("r", "rt"):
            reader = io.BufferedReader(self.drive.open(name))
            return io.TextIOWrapper(reader, encoding="utf-8")
        raise ValueError(
            f"a stored file is opened to be read, not with mode {mode!r}; save it anew"
        )

    def _save(self, name: str, content: "File[Any]") -> str:
        expect = None if self._allow_overwrite else "absent"
        again = rewound(content)
        while True:
            try:
                pieces = content.chunks() if again else iter(lambda: content.read(CHUNK), b"")
                self.drive.put(name, as_bytes(pieces), expect=expect)
            except InvalidArgument as error:
                # What Django answers with 400.
                raise SuspiciousFileOperation(str(error)) from error
            except Exists:
                # Somebody was faster, or a file is where a folder would have to be.
                free = self.get_available_name(name)
                if free == name or not again:
                    # What cannot be read again would be stored without its beginning.
                    raise
                name = free
            else:
                return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Returns a name that is free; where files may be overwritten, the name itself, cut to
        `max_length` characters.

        Raises SuspiciousFileOperation, as Django's own storage does, for a name that leads out of
        its folder or cannot be shortened.
        """
        if not self._allow_overwrite:
            return str(super().get_available_name(name, max_length))
        name = str(name).replace("\\", "/")
        folder, last = posixpath.split(name)
        if ".." in folder.split("/"):
            raise SuspiciousFileOperation(f"Detected path traversal attempt in '{folder}'")
        validate_file_name(last)
        over = len(name) - max_length if max_length else 0
        if over <= 0:
            return name
        root, extension = posixpath.splitext(last)
        if over >= len(root):
            raise SuspiciousFileOperation(
                f"Storage can not find an available filename for {name!r} in {max_length} "
                "characters; give the file field a greater max_length"
            )
        return posixpath.join(folder, root[:-over] + extension)

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

    def listdir(self, path: str | os.PathLike[str]) -> tuple[list[str], list[str]]:
        place = os.fspath(path).strip("/")
        rows = self.drive.list("" if place == "." else place)
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


class StoredFile(File):  # type: ignore[type-arg]
    """A stored file that is opened again from the store: Django's own looks for a local file."""

    def __init__(self, storage: Storage, name: str, mode: str) -> None:
        super().__init__(storage._reader(name, mode), name)
        self._storage, self.mode = storage, mode

    def open(self, mode: str | None = None, *_args: Any, **_options: Any) -> "StoredFile":
        """Begins at the first byte; opens the file again where it was closed, or the mode is
        another.
        """
        wanted = mode or self.mode
        if self.closed or wanted != self.mode:
            name: Any = self.name
            self.file, self.mode = self._storage._reader(name, wanted), wanted
        else:
            self.seek(0)
        return self


def rewound(content: "File[Any]") -> bool:
    """Goes to the beginning of a file; False where it cannot, as a pipe."""
    try:
        content.seek(0)
    except (AttributeError, OSError):
        return False
    return True


def as_bytes(pieces: Iterable[bytes | str]) -> Iterator[bytes]:
    """Goes through a file's content; text, as in a ContentFile, is UTF-8."""
    for piece in pieces:
        if not piece:
            return
        yield piece.encode() if isinstance(piece, str) else piece


def as_configured(time: datetime) -> datetime:
    """Returns a time aware or naive, as the project has it: naive in the system's zone."""
    return time if settings.USE_TZ else time.astimezone().replace(tzinfo=None)


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
    uncompressed(request.META)
    answer = with_body(reply, isinstance(request, ASGIRequest))
    del answer.headers["Content-Type"]
    for name, value in reply.headers:
        answer.headers[name] = value
    return answer


def with_body(reply: Reply, is_async: bool) -> HttpResponseBase:
    if not len(reply.body) or (len(reply.body) < FILE_FROM and reply.pace is None):
        return HttpResponse(bytes(reply.body), status=reply.status)
    if is_async:
        return StreamingHttpResponse(pieces_from_threads(reply), status=reply.status)
    file = file_of(reply)
    if file is not None:
        return WholeFile(file, status=reply.status)
    return StreamingHttpResponse(pieces(reply), status=reply.status)


class WholeFile(FileResponse):
    """A file that goes by the server's file wrapper, unless a middleware changes the content."""

    block_size = CHUNK

    def set_headers(self, filelike: Any) -> None:
        """The headers are the reply's."""


async def pieces_from_threads(reply: Reply) -> AsyncIterator[memoryview]:
    """Goes through a body at its pace; what is not in memory is waited for in a thread."""
    chunks = reply.body.chunks(piece_of(reply.pace, CHUNK))
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        if reply.pace:
            await asyncio.sleep(began + sent / reply.pace - loop.time())
            sent += len(chunk)
        yield chunk
