"""Closes what is still open when the interpreter ends, so that nothing is left to recover."""

import atexit
import weakref
from contextlib import suppress

from ._holdall import Store
from .errors import Error

OPEN: "weakref.WeakSet[Store]" = weakref.WeakSet()
"""The stores that were opened and not thrown away yet."""


@atexit.register
def close() -> None:
    """Closes all of them."""
    for store in list(OPEN):
        with suppress(Error):
            store.close()
