"""What every test has at hand."""

import unittest

from .client import Curl
from .host import Host
from .store import Store


class Case(unittest.TestCase):
    """A test of the host that runs. All of them share one host and one store."""

    host: Host
    store: Store
    curl: Curl

    def same(self, got: bytes, want: bytes, what: object = "") -> None:
        """Compares content without printing it."""
        if got == want:
            return
        at = next(
            (at for at, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want))
        )
        self.fail(f"{what}: {len(got)} bytes came where {len(want)} are; they part at byte {at}")
