"""Uploads of hosts in Rust: streamed, with bounded memory, and cut ones leave nothing."""

import itertools
import re
import socket
import time
from pathlib import Path

from .case import Case
from .client import Got
from .store import noise
from .upload import foreign

LONG = 300 << 20


class Stream(Case):
    """Sends by PUT /upload/NAME, and by a form at POST /upload where the host takes that too."""

    def ways(self) -> list[bool]:
        """Returns, for each way to send, whether it is a form."""
        return [False, True] if self.host.kind.forms else [False]

    def send(self, source: Path, name: str, *args: str, form: bool = False) -> Got:
        if form:
            return self.curl("/upload", "-F", f"file=@{source};filename={name}", *args)
        return self.curl(f"/upload/{name}", "-T", str(source), *args)

    def peak_kib(self) -> int:
        status = Path(f"/proc/{self.host.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])

    def test_what_is_sent_comes_back_by_its_url(self) -> None:
        for length in [1, 70_000, 3_000_001]:
            content, source = noise(length, 21), self.store.fresh()
            source.write_bytes(content)
            for form in self.ways():
                got = self.send(source, f"{length}.bin", form=form)
                self.assertEqual(got.status, 201, got.body)
                self.same(self.curl(got.body.decode().strip()).body, content, length)

    def test_300_mib_are_streamed_up_with_bounded_memory(self) -> None:
        source = self.store.fresh()
        with source.open("wb") as file:
            file.truncate(LONG)
        before = self.peak_kib()
        got = self.send(source, "long.bin", form=self.host.kind.forms)
        self.assertEqual(got.status, 201, got.body)
        self.assertLess(self.peak_kib() - before, 64 << 10)
        listed = self.store.ask("--drive", "up", "ls")
        self.assertIn(("long.bin", LONG), [(row["name"], row["size"]) for row in listed])

    def test_a_page_of_another_site_uploads_nothing(self) -> None:
        origin, source = self.host.base, self.store.fresh()
        source.write_bytes(b"foreign")
        for form in self.ways():
            for header in foreign(origin):
                got = self.send(source, "foreign.txt", "-H", header, form=form)
                self.assertEqual(got.status, 403, header)
        self.assertEqual(self.send(source, "own.txt", "-H", f"Origin: {origin}").status, 201)
        names = [row["name"] for row in self.store.ask("--drive", "up", "ls")]
        self.assertEqual(("foreign.txt" in names, "own.txt" in names), (False, True))

    def test_an_upload_that_was_cut_leaves_nothing(self) -> None:
        ways = [("PUT", "/upload/cut.bin", "x/x", b"")]
        if self.host.kind.forms:
            head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="cut.bin"\r\n\r\n'
            ways.append(("POST", "/upload", "multipart/form-data; boundary=b", head))
        lengths = ["Content-Length: 3000000", "Transfer-Encoding: chunked"]
        for (method, target, kind, head), length in itertools.product(ways, lengths):
            with socket.create_connection(self.host.address, timeout=10) as plug:
                body = head + b"x" * 1_000_000
                if "chunked" in length:
                    body = b"%x\r\n%s\r\n" % (len(body), body)
                host = self.host.base.removeprefix("http://")
                lines = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\n{length}\r\n\r\n"
                plug.sendall(lines.encode() + body)
                time.sleep(0.3)
        spool, end = self.store.path / "spool", time.monotonic() + 10
        while list(spool.iterdir()) and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(list(spool.iterdir()), [])
        listed = self.store.run("--drive", "up", "ls").stdout
        self.assertNotIn("cut.bin", str(listed))
