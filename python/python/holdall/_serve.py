"""What the adapters of web servers share."""

import json
import logging
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import quote

from . import errors
from ._holdall import Api, Caller, Drive, Reply, Store, Version
from ._intake import Bytes

log = logging.getLogger("holdall")

SAFE = "/!$&'()*+,;=:@~-._"
"""What stays as it is in a path that is escaped anew: RFC 3986 section 3.3."""

UPLOADS = ("PUT", "POST")
"""The methods of an upload: the body is the content."""

BODILESS = ("GET", "HEAD", "OPTIONS")
"""The methods of a call whose body is not looked at."""

REST = 8 << 20
"""Bytes of a call's body that are taken and thrown away once the reply is known: a server that
closes on a client that still sends, or waits for it, keeps the client from reading the reply."""

UNKNOWN = ("", "application/octet-stream", "application/x-www-form-urlencoded")
"""Media types that say nothing of content; that of its name is better."""

SHORTEST = 4 << 10
"""The least bytes of a piece of a body that goes at a pace."""

Target = tuple[Drive | str, str]
"""Where an upload goes: a drive, by itself or its name, and the path in it."""


def escaped(path: bytes, query: str) -> str:
    """Makes the target of a request from its decoded path and its query."""
    target = quote(path, safe=SAFE)
    return f"{target}?{query}" if query else target


def answer(
    store: Store,
    method: str,
    target: str,
    headers: Iterable[tuple[str | bytes, str | bytes]],
    client: str | None,
) -> Reply:
    """Serves a request; what is the host's to know of is logged, and a reply as well."""
    try:
        return store.serve(method, target, headers, client=address(client))
    except errors.Error as error:
        return unserved(error)


def call(
    api: Api,
    caller: Caller | None,
    method: str,
    target: str,
    headers: Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]],
    body: bytes | Iterable[Bytes] | None,
    client: str | None,
) -> Reply:
    """Answers a call; what is the host's to know of is logged, and a reply as well.

    Raises Mismatch when the body ends early: the client has gone away.
    """
    caller = Caller() if caller is None else caller
    try:
        return api.answer(caller, method, target, headers, body, client=address(client))
    except errors.Mismatch:
        raise
    except errors.Error as error:
        return unserved(error)


def unserved(error: errors.Error) -> Reply:
    """Logs what is the host's to know of, and makes a reply of it."""
    log.error("a request could not be served", exc_info=error)
    # Who passed the arguments is this module, so one that is wrong is not a client's doing.
    return Reply.from_error(errors.Bug() if error.http_status == 400 else error)


def refused(error: errors.Error) -> Reply:
    """Makes the reply to a call that the host's check refused, or that ended early."""
    if error.http_status >= 500:
        log.error("a call failed", exc_info=error)
    else:
        log.info("a call was refused: %s", error)
    return Reply.from_error(error)


def address(client: str | None) -> str | None:
    """Returns the client's address; None if it has none, as on a Unix socket."""
    try:
        return str(ip_address(client or ""))
    except ValueError:
        return None


def piece_of(pace: int | None, most: int) -> int:
    """Returns how long the pieces of a body are: at a pace, what a quarter of a second takes."""
    return most if pace is None else min(most, max(pace // 4, SHORTEST))


class LengthRequired(errors.InvalidArgument):
    """A body whose end cannot be recognised has no length either: RFC 9110 section 15.5.12."""


class Answer(NamedTuple):
    """What is said to an upload."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Upload:
    """An upload on its way: what its headers say, and where the host's check lets it go.

    headers: those of the request, by their names in lower case.
    """

    def __init__(self, store: Store, headers: Mapping[str, str]) -> None:
        self.store = store
        self.headers = headers

    def options(self) -> dict[str, Any]:
        """Returns what a put is given beside the content.

        Raises InvalidArgument when the request can never be right.
        """
        media_type = self.headers.get("content-type", "")
        if media_type.partition(";")[0].strip().lower().startswith("multipart/"):
            raise errors.Unsupported("the body of an upload is the content itself, not a form")
        if self.headers.get("content-encoding", "identity") != "identity":
            raise errors.Unsupported("the body of an upload is not encoded")
        if "content-range" in self.headers:
            # RFC 9110 section 14.4: to ignore it would store a part as the whole.
            raise errors.InvalidArgument("an upload is of whole content, not of a range")
        options: dict[str, Any] = {}
        if media_type not in UNKNOWN:
            options["media_type"] = media_type
        length = self.headers.get("content-length")
        if length is not None:
            if not (length.isascii() and length.isdigit()):
                raise errors.InvalidArgument(f"the length {length[:40]!r} is not a number")
            options["length"] = int(length)
        if self.headers.get("if-none-match") == "*":
            # RFC 9110 section 13.1.2: only where nothing is.
            options["expect"] = "absent"
        return options

    def place(self, target: Target | None) -> tuple[Drive, str]:
        """Returns the drive and the path that the host's check gave.

        Raises Denied when it gave none.
        """
        if target is None:
            raise errors.Denied("the host refused the upload")
        drive, path = target
        return (self.store.drive(drive) if isinstance(drive, str) else drive), path

    def done(self, version: Version) -> Answer:
        """Answers with what became of the content: 201, and where it can be had."""
        url = self.store.url(version)
        value = {
            "id": version.id,
            "file_id": version.file_id,
            "number": version.number,
            "size": version.size,
            "sha1": version.sha1,
            "blake3": version.blake3,
            "crc64": version.crc64_text,
            "media_type": version.media_type,
            "url": url,
        }
        return said(201, "application/json", json.dumps(value).encode(), ("Location", url))

    def failed(self, error: errors.Error) -> Answer:
        """Answers with a status and no detail, which is logged."""
        if "if-none-match" in self.headers and isinstance(error, errors.Exists):
            return said(412, "text/plain", b"something is there already\n")
        if isinstance(error, LengthRequired):
            return said(411, "text/plain", f"{error}\n".encode())
        if isinstance(error, errors.Unsupported):
            return said(415, "text/plain", f"{error}\n".encode())
        if error.http_status >= 500:
            log.error("an upload failed", exc_info=error)
        else:
            log.info("an upload was refused: %s", error)
        reply = Reply.from_error(error)
        return Answer(reply.status, reply.headers, bytes(reply.body))


def said(status: int, kind: str, body: bytes, *headers: tuple[str, str]) -> Answer:
    """Makes an answer."""
    own = [
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]
    return Answer(status, [*own, *headers], body)
