#!/usr/bin/env python3
"""Compares two builds of the package under WSGI servers: the same contents, the two in turns.

    benches/wsgi.py --now NEW/bin/python --before OLD/bin/python [--rounds 9]

Each interpreter is that of a virtual environment with a release build of holdall, gunicorn,
waitress and uWSGI. Both builds serve a store of their own; each round has a new connection for
every download of the one and then of the other, in an order that changes. What is told is the
speed of this build against that of the other, by the best round of each, and the same by the
processor time of the server, which other load on the machine disturbs less. A reply that is not
the content is told.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

SIZES = {"4 KiB": 4 << 10, "64 KiB": 64 << 10, "1 MiB - 1": (1 << 20) - 1, "64 MiB": 64 << 20}
ROUND = 96 << 20
"""Bytes that the downloads of a round come to, if they are not too many."""
MOST = 150
"""Downloads of a round."""

GUNICORN = ["bin/gunicorn", "app:wsgi", "--bind", "127.0.0.1:PORT", "--worker-class"]
UWSGI = ["bin/uwsgi", "--http-socket", "127.0.0.1:PORT", "--die-on-term", "--disable-logging"]

SERVERS = {
    "gunicorn sync": [*GUNICORN, "sync"],
    "gunicorn gthread": [*GUNICORN, "gthread", "--threads", "4"],
    "waitress": ["bin/waitress-serve", "--listen", "127.0.0.1:PORT", "app:wsgi"],
    "uWSGI": [*UWSGI, "--home", "HOME", "--module", "app", "--callable", "wsgi"],
}

DISTRIBUTIONS = ["holdall", "gunicorn", "waitress", "uwsgi"]

APP = """
import holdall, holdall.wsgi
wsgi = holdall.wsgi.App(holdall.open("files"))
"""

MAKE = """
import hashlib, json, sys, holdall
with holdall.open("files") as store:
    drive = store.drive("bench")
    print(json.dumps([
        store.url(drive.put(f"neighbour {size}", bytes(5000)) and drive.put(f"{size}",
            hashlib.shake_256(str(size).encode()).digest(size)), expires=86400)
        for size in json.loads(sys.argv[1])
    ]))
"""

VERSIONS = """
import importlib.metadata, json, platform, sys
print(json.dumps([platform.python_version(), *map(importlib.metadata.version, sys.argv[1:])]))
"""


@dataclass
class Side:
    """One build: its interpreter, its store, and what was measured of it."""

    name: str
    python: Path
    folder: Path
    urls: list[str] = field(default_factory=list)
    base: int = 0
    leader: int = 0
    seconds: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    def run(self, program: str, *args: str) -> list:
        """Runs a program in this build; returns the value that it prints."""
        command = [self.python, "-c", program, *args]
        return json.loads(subprocess.check_output(command, cwd=self.folder, text=True))

    @contextmanager
    def serving(self, command: list[str]) -> Iterator[None]:
        """Runs a server over the store of this build."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.base = probe.getsockname()[1]
        words = [word.replace("PORT", str(self.base)) for word in command]
        words = [word.replace("HOME", str(self.python.parent.parent)) for word in words]
        words[0] = str(self.python.parent.parent / words[0])
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(words, cwd=self.folder, stdout=log, stderr=log)
        self.leader = process.pid
        try:
            for _ in range(200):
                assert process.poll() is None, (self.folder / "log").read_text()
                try:
                    socket.create_connection(("127.0.0.1", self.base), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(20)

    def processor_time(self) -> float:
        """Returns the seconds of processor time of the server and its workers."""
        ticks = 0
        for pid in family(self.leader):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def measure(self, url: str, count: int, buffer: bytearray) -> int:
        """Downloads a content so many times; returns the bytes of the last reply in the buffer."""
        busy, began = self.processor_time(), time.perf_counter()
        for _ in range(count):
            got = download(self.base, url, buffer)
        self.seconds.append((time.perf_counter() - began) / count)
        self.busy.append((self.processor_time() - busy) / count)
        return got


def family(leader: int) -> list[int]:
    """Returns a process and its descendants."""
    found = [leader]
    for pid in found:
        found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return found


def download(port: int, url: str, buffer: bytearray) -> int:
    """Reads a whole reply into a buffer, to the end of the connection."""
    view, at = memoryview(buffer), 0
    with socket.create_connection(("127.0.0.1", port), 60) as wire:
        wire.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        while count := wire.recv_into(view[at:]):
            at += count
    return at


def is_content(reply: bytes, length: int, content: bytes) -> bool:
    head, _, body = reply[:length].partition(b"\r\n\r\n")
    return b" 200 " in head.split(b"\r\n")[0] and body == content


def compare(now: Side, before: Side, at: int, size: int, rounds: int) -> str:
    """Measures one size under the servers that run; returns the cells of a row."""
    content = hashlib.shake_256(str(size).encode()).digest(size)
    buffer = bytearray(size + (1 << 20))
    count = max(1, min(MOST, ROUND // size))
    wrong = set()
    for side in (now, before):
        side.seconds, side.busy = [], []
    for number in range(rounds + 1):
        for side in (now, before) if number % 2 else (before, now):
            length = side.measure(side.urls[at], count, buffer)
            if not is_content(buffer, length, content):
                wrong.add(side.name)
        if number == 0:  # to have it all in memory
            now.seconds, now.busy, before.seconds, before.busy = [], [], [], []
    speed = min(before.seconds) / min(now.seconds)
    busy = sum(before.busy) / max(sum(now.busy), 0.001)
    mibs = size / min(now.seconds) / (1 << 20)
    told = f"{speed:.2f} | {busy:.2f} | {min(now.seconds) * 1e3:.2f} ms, {mibs:.0f} MiB/s"
    return told + (f" | wrong bytes: {', '.join(sorted(wrong))}" if wrong else " |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--now", type=Path, required=True, help="the interpreter with this build")
    parser.add_argument("--before", type=Path, required=True, help="that with the other")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--directory", type=Path, help="where the stores are made")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=asked.directory))
    try:
        now, before = (
            Side(name, path.absolute(), folder / name)
            for name, path in (("now", asked.now), ("before", asked.before))
        )
        for side in (now, before):
            side.folder.mkdir()
            (side.folder / "app.py").write_text(APP)
            side.urls = side.run(MAKE, json.dumps(list(SIZES.values())))
            versions = side.run(VERSIONS, *DISTRIBUTIONS)
            told = zip(["Python", *DISTRIBUTIONS], versions, strict=True)
            print(f"{side.name}: {', '.join(map(' '.join, told))}")
        machine = f"Linux {platform.release()}, {os.cpu_count()} cores"
        print(f"{date.today()}, {machine}, load {os.getloadavg()[0]:.1f}")
        print("server | size | speed, now/before | processor time, before/now | now | note")
        for name in asked.servers.split(","):
            with ExitStack() as servers:
                for side in (now, before):
                    servers.enter_context(side.serving(SERVERS[name]))
                for at, (shown, size) in enumerate(SIZES.items()):
                    if shown not in asked.sizes.split(","):
                        continue
                    row = compare(now, before, at, size, asked.rounds)
                    print(f"{name} | {shown} | {row}", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
