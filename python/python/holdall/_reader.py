"""A body as a file object."""

import io
import os
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

    from ._holdall import Body, Segment


class Reader(io.RawIOBase):
    """Reads a body from any position: a raw binary file object.

    It needs no buffering. It shows the same bytes whatever becomes of the file and the store.
    """

    # Where they are not set, these are the class's: a reader is made for every small file.
    _at = 0
    # The bytes as a file of our own, once somebody asked for its number. From then on its
    # position is ours.
    _file: io.FileIO | None = None

    def __init__(self, body: "Body") -> None:
        self._body = body

    @property
    def body(self) -> "Body":
        """The body that it reads."""
        return self._body

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self._body)

    def readable(self) -> bool:
        self._check()
        return True

    def seekable(self) -> bool:
        self._check()
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        at = self.tell()
        count = self._body.readinto(buffer, at)
        self._move(at + count)
        return count

    def read(self, size: int | None = -1, /) -> bytes:
        if self.closed:
            self._check()
        at = self._at if self._file is None else self.tell()
        data = self._body.read(at, None if size is None or size < 0 else size)
        if self._file is None:
            self._at = at + len(data)
        else:
            self._move(at + len(data))
        return data

    def write(self, data: "ReadableBuffer", /) -> NoReturn:
        raise io.UnsupportedOperation("stored content is never written; put it anew")

    def readall(self) -> bytes:
        return self.read()

    def tell(self) -> int:
        if self.closed:
            self._check()
        if self._file is not None:
            return self._file.tell()
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._check()
        if whence == os.SEEK_SET:
            at = offset
        elif whence == os.SEEK_CUR:
            at = self.tell() + offset
        elif whence == os.SEEK_END:
            at = self.size + offset
        else:
            raise ValueError(f"whence {whence} is not one of SEEK_SET, SEEK_CUR and SEEK_END")
        if at < 0:
            raise ValueError(f"position {at} is before the first byte")
        self._move(at)
        return at

    def fileno(self) -> int:
        """Returns the number of a file that is exactly these bytes, at this reader's position.

        Content from 1 MiB on (the store's threshold) has such a file. Raises
        io.UnsupportedOperation for what has none.
        """
        self._check()
        if self._file is None:
            file = own_file(self._body)
            if file is None:
                raise io.UnsupportedOperation("the content has no file of its own")
            file.seek(self._at)
            self._file = file
        return self._file.fileno()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()

    def __del__(self) -> None:
        # There is nothing to flush, and what is open closes itself: to close a reader that is
        # gone, as the base class does, takes longer than to read a small file.
        pass

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"at {self.tell()} of {self.size} bytes"
        return f"<{type(self).__name__} {state}>"

    def _check(self) -> None:
        if self.closed:
            raise ValueError("the file was closed")

    def _move(self, at: int) -> None:
        if self._file is not None:
            self._file.seek(at)
        self._at = at


def own_run(body: "Body") -> "Segment | None":
    """Returns a body as the file that it is, from its first byte to its end; None if it is none.

    The files that contents share hold others' bytes, and keys: no server is given one, as there are
    servers that send a file from its beginning, or to its end, whatever the reply says.
    """
    size = len(body)
    run = next(iter(body.segments(size)), None) if size else None
    if run is None or run.fileno is None or run.offset != 0 or len(run) != size:
        return None
    return run if os.fstat(run.fileno).st_size == size else None


def own_file(body: "Body") -> io.FileIO | None:
    """Opens the file that a body is, with a position of its own; None if it is none, or the system
    has no way to open it anew.
    """
    run = own_run(body)
    if run is None:
        return None
    try:
        return io.FileIO(f"/proc/self/fd/{run.fileno}", "rb")
    except OSError:
        return None


def own_path(body: "Body") -> str | None:
    """Returns the path of the file that is the whole body; None if there is none, or it lost its
    name.
    """
    run = own_run(body)
    if run is None or run.fileno is None:
        return None
    try:
        path = os.readlink(f"/proc/self/fd/{run.fileno}")
        ours, named = os.fstat(run.fileno), os.stat(path)
    except OSError:
        return None
    return path if (ours.st_dev, ours.st_ino) == (named.st_dev, named.st_ino) else None
