"""What a host takes for downloads that go slowly or not at all: a piece of each body, and never the whole."""

import contextlib
import re
import socket
import time
from pathlib import Path

from .case import Case

LENGTH = 48 << 20
EACH = 8
"""How many clients ask for the file, and how many for an archive of it."""

LIMIT = 6 << 20
"""What a download may take: 2 MiB of holdall's pieces at most, and what a server keeps beside them for a connection."""


def family(pid: int) -> list[int]:
    """Returns a process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


class Memory(Case):
    def own_bytes(self) -> int:
        """Returns what the host has for itself alone: a map of a file is the system's to take back."""
        total = 0
        for pid in family(self.host.process.pid):
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                total += int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) << 10
        return total

    def ask(self, url: str) -> socket.socket:
        """Asks for a body, and takes the beginning of it."""
        plug = socket.socket()
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        plug.settimeout(30)
        plug.connect(self.host.address)
        name, port = self.host.address
        plug.sendall(f"GET {url} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n".encode())
        self.assertTrue(plug.recv(4096).startswith(b"HTTP/1.1 200"))
        return plug

    def test_downloads_that_nobody_reads_take_little_memory(self) -> None:
        source = self.store.fresh()
        with source.open("wb") as file:
            file.truncate(LENGTH)
        self.store.ask("put", str(source), "--to", "memory/large.bin")
        urls = [self.store.url("memory/large.bin"), self.store.ask("archive", "memory")["url"]]
        for url in urls:
            self.assertGreaterEqual(len(self.curl(url).body), LENGTH)
        before = self.own_bytes()
        with contextlib.ExitStack() as stalled:
            plugs = [stalled.enter_context(self.ask(url)) for url in urls for _ in range(EACH)]
            # Until nothing is taken in any more.
            seen, most = -1, before
            end = time.monotonic() + 20
            while seen != most and time.monotonic() < end:
                seen = most
                for _ in range(10):
                    time.sleep(0.1)
                    most = max(most, self.own_bytes())
            taken = (most - before) // len(plugs)
            self.assertLess(taken, LIMIT, "bytes for each download")
            # The rest comes, as fast as it is read.
            for plug in (plugs[0], plugs[-1]):
                came = 4096
                while came < LENGTH:
                    got = len(plug.recv(1 << 20))
                    self.assertGreater(got, 0, "the body ends early")
                    came += got
