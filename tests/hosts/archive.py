"""Archives, through readers that others wrote."""

import io
import zipfile

from .case import Case
from .client import run
from .store import tree

MEMBERS = 3000


class Archive(Case):
    @classmethod
    def setUpClass(cls) -> None:
        cls.source = cls.store.fresh()
        tree(cls.source, 4)
        cls.store.ask("put", str(cls.source), "--to", "archive/docs")

    def test_unzip_and_zipfile_find_what_was_put(self) -> None:
        url = self.store.ask("archive", "archive/docs", "--name", "all docs.zip")["url"]
        got = self.curl(url)
        self.assertEqual((got.status, got["Content-Type"]), (200, "application/zip"))
        self.assertIn("all docs.zip", got["Content-Disposition"])
        saved = self.store.fresh()
        saved.write_bytes(got.body)
        run("unzip", "-tqq", saved)
        archive = zipfile.ZipFile(saved)
        self.assertIsNone(archive.testzip())
        want = {"": b""}
        for path in self.source.rglob("*"):
            name = str(path.relative_to(self.source))
            if path.is_file():
                want[name] = path.read_bytes()
            else:
                want[name + "/"] = b""
        have = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
        self.assertEqual(have.keys(), want.keys())
        for name in want:
            self.same(have[name], want[name], name)

    def test_an_archive_in_pieces_is_the_archive(self) -> None:
        url = self.store.ask("archive", "archive/docs")["url"]
        whole, head = self.curl(url), self.curl.head(url)
        length = len(whole.body)
        self.assertEqual((head["Content-Length"], head["ETag"]), (str(length), whole["ETag"]))
        cuts = [0, 1, 29, 4096, length // 3, length // 2, length - 23, length - 1, length]
        for first, end in zip(cuts, cuts[1:]):
            got = self.curl(url, "-r", f"{first}-{end - 1}")
            self.assertEqual(got.status, 206)
            self.same(got.body, whole.body[first:end], f"{first}-{end - 1}")
        parts = self.curl(url, "-r", f"0-9,{length // 2}-{length // 2 + 9},-22")
        self.assertEqual(parts.status, 206)
        self.assertIn(whole.body[-22:], parts.body)

    def test_an_archive_of_many_members_is_whole(self) -> None:
        source = self.store.fresh()
        source.mkdir()
        for number in range(MEMBERS):
            (source / f"{number:05}.txt").write_bytes(b"%d\n" % number * (number % 50))
        self.store.ask("put", str(source), "--to", "archive/many")
        url = self.store.ask("archive", "archive/many")["url"]
        got = self.curl(url)
        self.assertEqual(got["Content-Length"], str(len(got.body)))
        archive = zipfile.ZipFile(io.BytesIO(got.body))
        self.assertIsNone(archive.testzip())
        self.assertEqual(len(archive.namelist()), 1 + MEMBERS)
        middle = len(got.body) // 2
        self.same(self.curl(url, "-r", f"{middle}-").body, got.body[middle:])

    def test_an_archive_is_frozen_when_it_is_made(self) -> None:
        self.store.put("archive/frozen/a.txt", b"before")
        url = self.store.ask("archive", "archive/frozen")["url"]
        before = self.curl(url).body
        self.store.put("archive/frozen/a.txt", b"after, and longer")
        self.store.put("archive/frozen/b.txt", b"new")
        self.same(self.curl(url).body, before)
