"""The exceptions of holdall.

Each has a number, fixed for ever and the same in Rust, C and Python, and the HTTP status that an
answer to a client carries. Each is also a kind of the builtin that fits it, so that
``except FileNotFoundError`` works as it does for files.
"""

from typing import ClassVar

__all__ = [
    "BY_NUMBER",
    "Bug",
    "Corrupt",
    "Denied",
    "Error",
    "Exists",
    "Expired",
    "Forked",
    "Gone",
    "InvalidArgument",
    "Io",
    "Locked",
    "Mismatch",
    "NotFound",
    "Poisoned",
    "RangeNotSatisfiable",
    "ReadOnly",
    "TooLarge",
    "Unsupported",
]


class Error(Exception):
    """What every exception of holdall is."""

    number: ClassVar[int] = 14
    http_status = 500
    """The status of an answer to a client; 429 where a rate limit refused it."""

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before it is tried again, where a rate limit refused it: a host answers
        429 with Retry-After, as `Reply.from_error` does. None for all else."""
        return getattr(self, "_retry_after", None)


class InvalidArgument(Error, ValueError):
    """A value that the caller passed can never be right."""

    number = 1
    http_status = 400


class NotFound(Error, FileNotFoundError):
    """The thing named does not exist."""

    number = 2
    http_status = 404


class Exists(Error, FileExistsError):
    """Something of that name exists already."""

    number = 3
    http_status = 409


class Denied(Error, PermissionError):
    """The signature, the password or the caller does not permit it."""

    number = 4
    http_status = 403


class Expired(Error, PermissionError):
    """The URL, share or session was valid once and its time is over."""

    number = 5
    http_status = 403


class RangeNotSatisfiable(Error, ValueError):
    """No byte of the requested range exists."""

    number = 6
    http_status = 416


class Mismatch(Error, ValueError):
    """Content is not what was declared: a length, a hash or an expected version."""

    number = 7
    http_status = 422


class TooLarge(Error, ValueError):
    """A limit on size or count would be passed."""

    number = 8
    http_status = 413


class Locked(Error, BlockingIOError):
    """Another process or call holds what is needed; trying again later may succeed."""

    number = 9
    http_status = 503


class Corrupt(Error, OSError):
    """Bytes on disk are not what was written."""

    number = 10
    http_status = 500


class Io(Error, OSError):
    """The operating system refused a read, a write or a sync; ``errno`` says why."""

    number = 11
    http_status = 500


class Poisoned(Error, OSError):
    """An earlier failed write made the store refuse further ones; open it again."""

    number = 12
    http_status = 503


class Unsupported(Error, NotImplementedError):
    """A format version, mode or feature that this build does not know."""

    number = 13
    http_status = 501


class Bug(Error, RuntimeError):
    """A defect of the library."""

    number = 14
    http_status = 500


class Gone(Error, FileNotFoundError):
    """It existed and was removed or revoked on purpose."""

    number = 15
    http_status = 410


class Forked(Error, RuntimeError):
    """Work that was in progress when the process forked cannot go on in the child."""

    number = 16
    http_status = 500


class ReadOnly(Error, OSError):
    """The store was opened for reading, or its disk has become read-only."""

    number = 17
    http_status = 503


BY_NUMBER: dict[int, type[Error]] = {
    kind.number: kind
    for kind in (
        InvalidArgument,
        NotFound,
        Exists,
        Denied,
        Expired,
        RangeNotSatisfiable,
        Mismatch,
        TooLarge,
        Locked,
        Corrupt,
        Io,
        Poisoned,
        Unsupported,
        Bug,
        Gone,
        Forked,
        ReadOnly,
    )
}
"""The exceptions by their numbers."""
