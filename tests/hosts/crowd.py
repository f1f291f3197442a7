"""A slow and hostile crowd: connections, heads, bodies and downloads that are held open on purpose, while a good
client's requests go through."""

import contextlib
import socket
import time

from .case import Case
from .store import noise

EACH = 24
"""How many of each kind are held: more at once than a small pool has threads, and few enough for any machine."""

PATIENCE_S = 45
"""Within this the good client has to be served: a limit for what hangs, and no measure of speed."""


class Crowd(Case):
    def held(self, crowd: contextlib.ExitStack, sent: bytes) -> None:
        """Opens connections that send so much, and nothing more. A host may refuse them."""
        for _ in range(EACH):
            with contextlib.suppress(OSError):
                plug = socket.create_connection(self.host.address, timeout=10)
                crowd.enter_context(plug)
                plug.sendall(sent)

    def served(self, url: str, content: bytes, what: str) -> None:
        begun = time.monotonic()
        for _ in range(10):
            got = self.curl(url, "--max-time", str(PATIENCE_S))
            self.assertEqual((got.status, got.code), (200, 0), what)
            self.same(got.body, content, what)
            part = self.curl(url, "-r", "100-199", "--max-time", str(PATIENCE_S))
            self.same(part.body, content[100:200], what)
        self.assertLess(time.monotonic() - begun, PATIENCE_S, what)

    def test_a_good_client_is_served_beside_a_crowd(self) -> None:
        content, large = noise(40_000, 31), noise(8_000_000, 32)
        url = self.store.url_of("crowd/good.bin", content)
        other = self.store.url_of("crowd/large.bin", large)
        host = b"Host: %s:%d\r\n" % (self.host.address[0].encode(), self.host.address[1])
        body = b"Content-Length: 1000000\r\n\r\n{"
        crowd = {
            "silent": b"",
            "half a head": b"GET %s HTTP/1.1\r\n" % url.encode() + host + b"X-Slow: ",
            "a body to a download": b"GET %s HTTP/1.1\r\n" % url.encode() + host + body,
            "a body of a post": b"POST %s HTTP/1.1\r\n" % url.encode() + host + body,
            "an upload": b"PUT /upload/crowd/held.bin HTTP/1.1\r\n" + host + body,
            "downloads that nobody reads": b"GET %s HTTP/1.1\r\n" % other.encode() + host + b"\r\n",
        }
        with contextlib.ExitStack() as all_of_them:
            for what, sent in crowd.items():
                with contextlib.ExitStack() as alone:
                    self.held(alone, sent)
                    self.served(url, content, what)
                self.held(all_of_them, sent)
            self.served(url, content, "all at once")
        self.served(url, content, "when the crowd is gone")
