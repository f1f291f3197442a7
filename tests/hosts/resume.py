"""Transfers that were cut and go on, and transfers over several connections."""

import subprocess

from .case import Case
from .client import run
from .store import noise, tree

LENGTH = 9_999_999


class Resume(Case):
    @classmethod
    def setUpClass(cls) -> None:
        cls.bytes = noise(LENGTH, 2)
        cls.url = cls.store.url_of("resume/large.bin", cls.bytes)
        source = cls.store.fresh()
        tree(source, 3, large=9_000_000)
        cls.store.ask("put", str(source), "--to", "resume/docs")
        cls.zip_url = cls.store.ask("archive", "resume/docs", "--name", "docs.zip")["url"]
        cls.zip = cls.curl(cls.zip_url).body

    def both(self) -> list[tuple[str, bytes]]:
        return [(self.curl.whole(self.url), self.bytes), (self.curl.whole(self.zip_url), self.zip)]

    def test_curl_goes_on_where_it_was(self) -> None:
        for url, whole in self.both():
            for had in [0, 1, 1_048_576, len(whole) // 2, len(whole) - 1]:
                part = self.store.fresh()
                part.write_bytes(whole[:had])
                run("curl", "-sS", "-C", "-", url, "-o", part)
                self.same(part.read_bytes(), whole, f"{url} from byte {had}")

    def test_wget_goes_on_where_it_was(self) -> None:
        for url, whole in self.both():
            for had in [1, len(whole) // 2]:
                part = self.store.fresh()
                part.write_bytes(whole[:had])
                run("wget", "-q", "-c", url, "-O", part)
                self.same(part.read_bytes(), whole, f"{url} from byte {had}")

    def test_aria2_takes_eight_connections(self) -> None:
        for number, (url, whole) in enumerate(self.both()):
            out = f"aria-{number}"
            run(
                "aria2c",
                "-q",
                "-x8",
                "-s8",
                "-j8",
                "-k1M",
                "--file-allocation=none",
                "--no-conf=true",
                "-d",
                self.store.directory,
                "-o",
                out,
                url,
            )
            self.same((self.store.directory / out).read_bytes(), whole, url)

    def test_a_transfer_that_was_cut_goes_on_over_a_new_url(self) -> None:
        part = self.store.fresh()
        cut = (
            f"curl -sS --limit-rate 20M '{self.curl.whole(self.url)}' | head -c 3000000 > '{part}'"
        )
        subprocess.run(["bash", "-c", cut], stderr=subprocess.DEVNULL, timeout=60)
        self.assertEqual(part.stat().st_size, 3_000_000)
        tag = self.curl.head(self.url)["ETag"]
        again = self.curl.whole(self.store.url("resume/large.bin", "--expires", "3h"))
        run("curl", "-sS", "-C", "-", "-H", f"If-Range: {tag}", again, "-o", part)
        self.same(part.read_bytes(), self.bytes)
