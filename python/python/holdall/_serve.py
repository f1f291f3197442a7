"""What the adapters of web servers share."""

import logging
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import quote

from . import errors
from ._holdall import Reply, Store

log = logging.getLogger("holdall")

SAFE = "/!$&'()*+,;=:@~-._"
"""What stays as it is in a path that is escaped anew: RFC 3986 section 3.3."""


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
        log.exception("a request could not be served")
        # The caller of serve is this module, so an argument that is wrong is no client's doing.
        return Reply.from_error(errors.Bug() if error.http_status == 400 else error)


def address(client: str | None) -> str | None:
    """Returns the client's address; None where it is none, as on a Unix socket."""
    try:
        return str(ip_address(client or ""))
    except ValueError:
        return None
