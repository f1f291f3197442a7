"""Archives of every shape, made by the command line, and what must be found in them."""

import os
import random
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from ..hosts.store import Store

NOON = 1_781_539_200  # 2026-06-15 16:00 UTC, noon in New York


@dataclass
class Shape:
    """An archive, and what is in it: the CRC-32 and the length of each name."""

    name: str
    about: str
    path: Path
    want: dict[str, tuple[int, int]]
    times: dict[str, int] = field(default_factory=dict)
    runs: str | None = None


def noise(length: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(length)


#: Names as they are put, and as they must come out.
NAMES = {
    "Z\u00fcrich \u65e5\u672c\u8a9e \U0001f600.txt": None,
    "a b%20&#;'.txt": None,
    "report..final.txt": "report_.final.txt",
    "..hidden": "_.hidden",
    "A.txt": None,
    "a.txt": "a (2).txt",
    "aux.c": "_aux.c",
    "back\\slash:colon?.txt": "back_slash_colon_.txt",
    "ends in a dot.": "ends in a dot",
    "l" * 251 + ".txt": None,
}


#: A book without words, of which epubcheck says nothing.
BOOK = {
    "mimetype": b"application/epub+zip",
    "META-INF/container.xml": b"""<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
""",
    "book.opf": b"""<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">book</dc:identifier>
<dc:title>Book</dc:title><dc:language>en</dc:language>
<meta property="dcterms:modified">2026-01-01T00:00:00Z</meta></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/></manifest>
<spine><itemref idref="nav"/></spine></package>
""",
    "nav.xhtml": b"""<?xml version="1.0"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>Book</title></head>
<body><nav epub:type="toc"><ol><li><a href="nav.xhtml">Book</a></li></ol></nav></body></html>
""",
}


def write(at: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def found(files: dict[str, bytes]) -> dict[str, tuple[int, int]]:
    return {name: (zlib.crc32(content), len(content)) for name, content in files.items()}


class Maker:
    """Makes shapes in a store."""

    def __init__(self, store: Store):
        self.store = store

    def make(self, name: str, about: str, want: dict, *options: str, **more) -> Shape:
        path = self.store.fresh().with_suffix(".zip")
        self.store.ask("archive", *(options or (f"{name}/.",)), "-o", str(path))
        return Shape(name, about, path, want, **more)

    def put(self, name: str, files: dict[str, bytes], folders: tuple[str, ...] = ()) -> Path:
        source = self.store.fresh()
        source.mkdir()
        write(source, files)
        for folder in folders:
            (source / folder).mkdir(parents=True)
        os.utime(source, (NOON, NOON))
        self.store.ask("put", str(source), "--to", name)
        return source

    def all(self, whole: bool) -> list[Shape]:
        return [shape for shape in self.shapes(whole)]

    def shapes(self, whole: bool):
        plain = {"a.txt": b"alpha", "folder/b.bin": noise(300_000, 1), "folder/text": b"again " * 20_000}
        none = {"folder/empty": b"", "also empty": b""}
        folders = {"folder/": b"", "folder/void/": b"", "folder/void/deeper/": b""}
        want = found({**plain, **none, **folders})
        self.put("plain", {**plain, **none}, ("folder/void/deeper",))
        yield self.make("plain", "files, empty files, folders with and without content, stored", want)
        yield self.make("deflate", "the same, deflated", want, "plain/.", "--deflate")
        names = {put: noise(100, seed) for seed, put in enumerate(NAMES)}
        self.put("names", names)
        out = found({NAMES[put] or put: content for put, content in names.items()})
        yield self.make("names", "names of every kind, two dots, equal ones, 255 bytes", out)
        yield self.timed()
        yield self.executable()
        self.put("book", BOOK)
        out = found({**BOOK, "META-INF/": b""})
        yield self.make("epub", "`mimetype` first, without extra fields", out, "book/mimetype", "book/.")
        self.store.ask("mkdir", "nothing")
        yield self.make("nothing", "no entry at all", {})
        if whole:
            many = {f"{number % 100:02}/{number}": b"%d" % number for number in range(70_000)}
            self.put("many", many)
            many.update({f"{number:02}/": b"" for number in range(100)})
            yield self.make("zip64", "70,100 entries, which takes zip64", found(many), "many/.")

    def timed(self) -> Shape:
        """Times of every age; what a reader shows for one of them tells whose it takes."""
        seconds = {"1960": -315_576_000, "1985": 473_385_600, "2026": NOON, "2040": 2_209_032_000}
        source = self.store.fresh()
        write(source, {name: name.encode() for name in seconds})
        for name, time in seconds.items():
            os.utime(source / name, (time, time))
        self.store.ask("put", str(source), "--to", "times")
        want = found({name: name.encode() for name in seconds})
        # The DOS time is of a zone that is neither UTC nor the reader's, which tells the three apart.
        options = ("times/.", "--utc-offset", "+01:00")
        return self.make("times", "times before 1970 and after 2038", want, *options, times=seconds)

    def executable(self) -> Shape:
        source = self.store.fresh()
        write(source, {"run": b"#!/bin/sh\n", "text": b"text"})
        (source / "run").chmod(0o755)
        self.store.ask("put", str(source), "--to", "modes")
        want = found({"run": b"#!/bin/sh\n", "text": b"text"})
        return self.make("modes", "a file that may be run, and one that may not", want, runs="run")
