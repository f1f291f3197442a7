"""A store in a temporary directory, and the command line beside the host."""

import json
import os
import subprocess
from pathlib import Path


class Store:
    """A store, filled by the `holdall` command. URLs that it makes begin with `/`."""

    def __init__(self, holdall: str, directory: Path):
        self.holdall = holdall
        self.directory = directory
        self.path = directory / "store"
        self.drawn = 0

    def fresh(self) -> Path:
        """Returns a path that nothing has."""
        self.drawn += 1
        return self.directory / f"fresh-{self.drawn}"

    def run(self, *args: str, content: bytes | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            [self.holdall, "--store", self.path, "--json", *args],
            input=content if content is not None else b"",
            capture_output=True,
            timeout=60,
            env={**os.environ, "HOLDALL_BASE_URL": "/", "HOLDALL_DRIVE": "main"},
        )

    def ask(self, *args: str, content: bytes | None = None):
        """Runs a command that must go well, and returns what it tells."""
        done = self.run(*args, content=content)
        if done.returncode != 0:
            raise RuntimeError(f"holdall {args}: {done.stderr.decode(errors='replace')}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def put(self, path: str, content: bytes) -> str:
        """Puts bytes at a path, and returns the id of the version."""
        return self.ask("put", "-", "--to", path, content=content)["versions"][0]["id"]

    def url(self, path: str, *options: str) -> str:
        return self.ask("url", path, *options)["url"]

    def url_of(self, path: str, content: bytes, *options: str) -> str:
        self.put(path, content)
        return self.url(path, *options)


def noise(length: int, seed: int) -> bytes:
    """Makes bytes that repeat nowhere near, the same for a seed."""
    import random

    return random.Random(seed).randbytes(length)


def tree(at: Path, seed: int, files: int = 60, large: int = 1_500_000) -> None:
    """Makes a tree of files, one of them large, with an empty folder."""
    folders = ["", "a/", "a/b/", "a/b/c/", "\u00e4\u00f6/"]
    for folder in ["a/b/c", "empty", "\u00e4\u00f6"]:
        (at / folder).mkdir(parents=True)
    for number in range(files):
        length = large if number == 7 else number * number % 40_000
        path = at / f"{folders[number % 5]}file {number}.bin"
        path.write_bytes(noise(length, seed + number))
