"""Ten thousand requests over connections that stay open, every byte compared."""

import http.client
import random
import threading

from .case import Case
from .client import run
from .store import noise

REQUESTS = 10_000
CONNECTIONS = 16
LENGTH = 4_000_000


class Load(Case):
    @classmethod
    def setUpClass(cls) -> None:
        cls.bytes = noise(LENGTH, 6)
        cls.content: dict[str, bytes] = {}
        source = cls.store.fresh()
        source.mkdir()
        for number in range(20):
            (source / str(number)).write_bytes(cls.bytes[: number * 1500])
        cls.store.ask("put", str(source), "--to", "load/small")
        for number in range(20):
            cls.content[cls.store.url(f"load/small/{number}")] = cls.bytes[: number * 1500]
        cls.large = cls.store.url_of("load/large.bin", cls.bytes)
        cls.content[cls.large] = cls.bytes
        cls.zip = cls.store.ask("archive", "load/small")["url"]
        cls.content[cls.zip] = cls.curl(cls.zip).body

    def one(self, connection: http.client.HTTPConnection, draw: random.Random) -> None:
        """Makes one request of any sort, and checks the reply to the byte."""
        url = draw.choice(list(self.content))
        whole, headers, method, sort = self.content[url], {}, "GET", draw.random()
        status, want = 200, whole
        if sort < 0.1:
            method, want = "HEAD", b""
        elif sort < 0.2:
            headers, status, want = {"If-None-Match": "*"}, 304, b""
        elif len(whole) > 0 and (sort < 0.7 or len(whole) > 1_000_000):
            first = draw.randrange(len(whole))
            last = min(first + draw.randrange(60_000), len(whole) - 1)
            headers, status, want = {"Range": f"bytes={first}-{last}"}, 206, whole[first : last + 1]
        connection.request(method, url, headers=headers)
        reply = connection.getresponse()
        got = reply.read()
        if (reply.status, got) != (status, want):
            came, due = f"{reply.status} with {len(got)} bytes", f"{status} with {len(want)}"
            raise AssertionError(f"{method} {headers}: {came}, not {due}")
        if method == "HEAD" and reply.getheader("Content-Length") != str(len(whole)):
            raise AssertionError(
                f"HEAD says {reply.getheader('Content-Length')} of {len(whole)} bytes"
            )

    def many(self, seed: int, failed: list[BaseException], opened: list[int]) -> None:
        """Makes a share of the requests over one connection, opened anew only when the host closes it."""
        draw = random.Random(seed)
        connection = http.client.HTTPConnection(*self.host.address, timeout=30)
        try:
            for _ in range(REQUESTS // CONNECTIONS):
                opened[seed] += connection.sock is None
                self.one(connection, draw)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    def test_ten_thousand_requests_get_their_own_bytes(self) -> None:
        failed: list[BaseException] = []
        opened = [0] * CONNECTIONS
        threads = [
            threading.Thread(target=self.many, args=(at, failed, opened))
            for at in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        self.assertLess(sum(opened), REQUESTS // 20, "connections stay open")

    def test_two_hundred_transfers_at_once(self) -> None:
        lines, wanted = [], []
        for number in range(200):
            first, out = LENGTH - 1_500_000 + number * 331, self.store.fresh()
            lines.append(
                f'url = "{self.curl.whole(self.large)}"\noutput = "{out}"\nrange = "{first}-"\n'
            )
            wanted.append((first, out))
        config = self.store.fresh()
        config.write_text("next\n".join(lines))
        run("curl", "-sS", "--parallel", "--parallel-max", "200", "-K", config)
        for first, out in wanted:
            self.same(out.read_bytes(), self.bytes[first:], f"from byte {first}")
            out.unlink()
