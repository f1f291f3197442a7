"""Runs readers of archives and clients of URLs that others wrote over a store, and says what came of each.

``python3 -m tests.works_with`` takes those that are there and fails where one does not do what it should.
``--all`` installs what can be installed below ``target/works-with`` and takes all cases; ``--table FILE`` writes
the page. ``HOLDALL`` is the command.
"""

import argparse
import base64
import hashlib
import io
import os
import platform
import struct
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

from ..hosts.host import Host, kind_of
from ..hosts.store import Store
from . import place
from .browsers import CASES, FILM, browsed, made
from .clients import CLIENTS, KINDS, fetched
from .known import HELD, REASONS, known
from .readers import READERS, Answer, read
from .shapes import Maker, noise

#: Those that write even very many files.
MANY = {"unzip", "7z", "bsdtar"}

#: Without --all these are left out: they take long, and another of their kind is there.
SLOW = {"Java zipfs", "epubcheck", "npm pack", "pip download", "pip, fast-deps", "yt-dlp", "mpv"}


def sound() -> bytes:
    """Makes two seconds of silence as a WAV file."""
    data = bytes(2 * 8000 * 2)
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    body = b"WAVE" + b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def wheel() -> bytes:
    """Makes a wheel, with a content that keeps a client busy."""
    files = {
        "works_with/__init__.py": b"",
        "works_with/data.bin": noise(2_000_000, 9),
        "works_with-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: works-with\nVersion: 1\n",
        "works_with-1.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},{len(content)}\n"
        for name, content in files.items()
    )
    files["works_with-1.dist-info/RECORD"] = (record + "works_with-1.dist-info/RECORD,,\n").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarball() -> bytes:
    """Makes a package of npm."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in {
            "package/package.json": b'{"name": "works-with", "version": "1.0.0"}',
            "package/data.bin": noise(1_000_000, 8),
        }.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Table:
    """Answers by row and column, and what of them was not expected."""

    def __init__(self, title: str, columns: list[str]):
        self.title, self.columns = title, columns
        self.rows: list[tuple[str, str, list[str]]] = []
        self.notes: list[str] = []
        self.surprises: list[str] = []

    def add(self, name: str, version: str, wrong: dict[str, str], more: list[str]) -> None:
        cells = []
        for column, what in wrong.items():
            reason = known(name, column)
            if what == "-":
                cells.append("-")
            elif not what:
                cells.append("ok")
            elif reason:
                if reason not in self.notes:
                    self.notes.append(reason)
                cells.append(f"no [{self.notes.index(reason) + 1}]")
            else:
                cells.append("**no**")
                self.surprises.append(f"{name} {version}, {column}: {what}")
        self.rows.append((name, version, cells + more))

    def browser(self, name: str, version: str, wrong: dict[str, str]) -> None:
        self.add(name, version, wrong, [])
        report(name, wrong)

    def markdown(self) -> str:
        lines = ["| name | version | " + " | ".join(self.columns) + " |", "|---" * (2 + len(self.columns)) + "|"]
        lines += [f"| {name} | {version} | " + " | ".join(cells) + " |" for name, version, cells in self.rows]
        notes = [f"{number}. {REASONS[reason]}" for number, reason in enumerate(self.notes, 1)]
        failed = [f"- **no**: {surprise}" for surprise in self.surprises]
        return "\n".join([f"## {self.title}", "", *lines, "", *notes, *failed, ""])


def readers(store: Store, whole: bool) -> Table:
    shapes = Maker(store).all(whole)
    table = Table("Archives", [shape.name for shape in shapes] + ["time shown", "execute bit"])
    for reader in READERS:
        version = reader.version() if whole or reader.name not in SLOW else None
        if version is None:
            print(f"not here: {reader.name}", file=sys.stderr)
            continue
        answers: dict[str, Answer] = {}
        for shape in shapes:
            # To write so many files takes minutes; three write them, all others read them.
            is_left_out = shape.name == "zip64" and reader.extracts and reader.name not in MANY
            is_left_out |= reader.checks not in (None, shape.name)
            answers[shape.name] = Answer(wrong="-") if is_left_out else read(reader, shape)
        clock = next((answer.clock for answer in answers.values() if answer.clock), "-" if reader.checks else "none")
        mode = next((answer.mode for answer in answers.values() if answer.mode), "-")
        table.add(reader.name, version, {name: answer.wrong for name, answer in answers.items()}, [clock, mode])
        report(reader.name, {name: answer.wrong for name, answer in answers.items()})
    return table


def report(name: str, wrong: dict[str, str]) -> None:
    for case, what in wrong.items():
        print(f"{name}, {case}: {what or 'ok'}", file=sys.stderr, flush=True)


def clients(store: Store, base: str, whole: bool) -> Table:
    contents = {"file.bin": noise(3_000_000, 7), "sound.wav": sound(), "works_with-1-py3-none-any.whl": wheel(), "works-with-1.0.0.tgz": tarball()}
    names = dict(zip(("file", "sound", "wheel", "tarball"), contents))
    film = made(FILM, "film.mp4")
    if film:
        names["film"], contents["film.mp4"] = "film.mp4", film
    for name, content in contents.items():
        store.put(f"url/{name}", content)
    table = Table("URLs", ["download", "resume", "archive resumed", "one download allowed", "direct link"])
    for client in CLIENTS:
        version = client.version() if whole or client.name not in SLOW else None
        name = names.get(KINDS.get(client.name, "file"))
        if version is None or name is None:
            print(f"not here: {client.name}", file=sys.stderr)
            continue
        content = contents[name]
        wrong = {"download": fetched(client, base + store.url(f"url/{name}"), content)}
        wrong["resume"] = wrong["archive resumed"] = "-"
        if client.resume:
            wrong["resume"] = fetched(client, base + store.url(f"url/{name}"), content, part=1_000_003)
            saved = store.fresh()
            store.ask("archive", "url", "-o", str(saved))
            url = base + store.ask("archive", "url")["url"]
            wrong["archive resumed"] = fetched(client, url, saved.read_bytes(), part=3_000_123)
        wrong["one download allowed"] = fetched(client, base + store.url(f"url/{name}", "--max-uses", "1"), content)
        link = store.ask("link", f"url/{name}")["url"]
        wrong["direct link"] = fetched(client, base + link, content)
        table.add(client.name, version, wrong, [])
        report(client.name, wrong)
    return table


HEAD = """# Works with

Programs and libraries that others wrote, run over archives and URLs of holdall. `make works-with` makes this page: it
installs what it needs below `target/works-with`, runs every case, and writes what came of it. `make test` runs the part
whose programs are there. "ok" is right to the byte, names and contents; "no" has its reason below the table.

Run on {system}.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.works_with", description=__doc__)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--table", type=Path)
    args = parser.parse_args()
    begun = time.monotonic()
    holdall = os.environ.get("HOLDALL", str(place.ROOT / "target/debug/holdall"))
    if args.all:
        place.install()
    with tempfile.TemporaryDirectory(prefix="works-with-") as temporary:
        store = Store(holdall, Path(temporary))
        store.put("first", b"first")
        archives = readers(store, args.all)
        host = Host(kind_of("cli", holdall), store.path)
        shown = Table("Browsers", [column for column, *_ in CASES])
        try:
            urls = clients(store, host.base, args.all)
            if args.all:
                browsed(store, host.base, shown.browser)
        finally:
            host.stop()
    about = [
        [f"- {name}: {what}" for name, what in HELD["archives"].items()] + ["", *HELD["columns"]],
        [f"- {name}: {what}" for name, what in HELD["urls"].items()],
        HELD["browsers"],
    ]
    page = "\n".join([HEAD.format(system=system()), archives.markdown(), *about[0], "", urls.markdown(), *about[1], "", shown.markdown(), *about[2], ""])
    if args.table:
        args.table.write_text(page)
    tables = [archives, urls, shown]
    surprises = [surprise for table in tables for surprise in table.surprises]
    for surprise in surprises:
        print(f"FAILED: {surprise}")
    cases = sum(sum(cell != "-" for cell in cells[: len(cells)]) for table in tables for _, _, cells in table.rows)
    print(f"{cases - len(surprises)} passed, {len(surprises)} failed in {time.monotonic() - begun:.0f} s")
    return 1 if surprises or not archives.rows or not urls.rows else 0


def system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name}, {platform.machine()}"


sys.exit(main())
