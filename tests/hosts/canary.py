"""Nothing of a neighbour comes out: the store's files hold marked bytes before and behind what is asked for."""

import re
import socket

from . import servers
from .case import Case
from .store import noise

MARK = b"<<<the bytes of somebody else>>>"


class Canary(Case):
    """Replies are read to the end of the connection, so that bytes behind a body are seen too."""

    def raw(self, url: str, *headers: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        name, port = self.host.address
        lines = [f"{method} {url} HTTP/1.1", f"Host: {name}:{port}", "Connection: close", *headers]
        with socket.create_connection((name, port), timeout=30) as plug:
            plug.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            got = b"".join(iter(lambda: plug.recv(1 << 20), b""))
        self.assertNotIn(MARK, got, f"{method} {url} {headers}")
        head, _, body = got.partition(b"\r\n\r\n")
        first, *fields = head.decode("latin-1").split("\r\n")
        named = dict(field.lower().split(": ", 1) for field in fields if ": " in field)
        return int(first.split()[1]), named, body

    def filled(self) -> dict[str, bytes]:
        """Puts content of many lengths, each between two neighbours, and returns what is the client's."""
        own = {}
        for at, length in enumerate([0, 1, 5, 64, 4096, 65_535, 65_536, 65_537, 300_000, 1_500_000]):
            for side in ("before", "behind"):
                marked = MARK * 40 + side.encode() + bytes([at])
                if side == "before":
                    self.store.put(f"canary/{side}-{at}", marked)
                    own[f"own/{at}.bin"] = noise(length, 900 + at)
                    self.store.put(f"canary/own/{at}.bin", own[f"own/{at}.bin"])
                else:
                    self.store.put(f"canary/{side}-{at}", marked * 60)
        return own

    def test_no_byte_of_a_neighbour_is_in_any_reply(self) -> None:
        own = self.filled()
        seen = b"".join(path.read_bytes() for path in (self.store.path / "seg").glob("*.seg"))
        self.assertGreater(seen.count(MARK), 1000, "the marks lie in the store's files")
        for path, content in own.items():
            url, length = self.store.url(f"canary/{path}"), len(content)
            status, named, body = self.raw(url)
            self.assertEqual((status, named["content-length"]), (200, str(length)), path)
            self.same(body, content, path)
            self.assertEqual(self.raw(url, method="HEAD")[2], b"", path)
            for first, last in [(0, 0), (length // 2, length + 99), (max(length - 1, 0), 1 << 40)]:
                status, named, body = self.raw(url, f"Range: bytes={first}-{last}")
                want = content[first : last + 1]
                self.assertEqual(status, 206 if want else 200, path)
                self.same(body, want, f"{path} {first}-{last}")
                self.assertEqual(named["content-length"], str(len(want)), path)
            for odd in [f"bytes=-{length + 5000}", f"bytes={length}-", f"bytes={length + 1}-{length + 9}"]:
                status, named, body = self.raw(url, f"Range: {odd}")
                self.assertEqual(named["content-length"], str(len(body)), f"{path} {odd}")
            status, named, body = self.raw(url, f"Range: bytes=0-0,{length // 2}-{length // 2},-1")
            self.assertEqual(named["content-length"], str(len(body)), path)
        zipped = self.store.ask("archive", "canary/own")["url"]
        status, named, body = self.raw(zipped)
        self.assertEqual((status, named["content-length"]), (200, str(len(body))))
        for first in [0, 1000, len(body) // 2, len(body) - 1]:
            self.same(self.raw(zipped, f"Range: bytes={first}-")[2], body[first:], first)

    def test_no_byte_of_a_neighbour_is_in_a_refusal(self) -> None:
        self.filled()
        url = self.store.url("canary/own/4.bin")
        for target in [url + ".aux", url[:-1], "/d/AQAB/x", "/canary/before-4", "/seg/0000001.seg", "/STORE"]:
            for method in ["GET", "HEAD", "POST"]:
                status, named, body = self.raw(target, method=method)
                self.assertGreaterEqual(status, 400, target)
                self.assertFalse(re.search(rb"HOLDSEG|HDFR", body), target)
        tag = self.raw(url)[1]["etag"]
        self.assertEqual(self.raw(url, f"If-None-Match: {tag}")[0], 304)
        self.assertEqual(self.raw(url, 'If-Match: "x"')[0], 412)

    def test_the_table_of_servers_is_that_of_the_hosts(self) -> None:
        self.assertEqual(sorted(servers.hosts()), sorted(servers.SERVERS), "hosts of `make hosts`")
        here, page = servers.comparable(servers.table()), servers.comparable(servers.shown())
        self.assertEqual(page, here, "python3 -m tests.hosts.servers writes it anew")
