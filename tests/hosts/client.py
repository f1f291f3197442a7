"""curl, and what it brought."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .store import Store


@dataclass
class Got:
    """A reply, as curl understood it."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    code: int = 0  # the exit code of curl

    def __getitem__(self, name: str) -> str | None:
        """Returns the value of a header, by its name in any case."""
        found = [value for known, value in self.headers if known.lower() == name.lower()]
        if len(found) > 1 and name.lower() != "cache-control":
            raise AssertionError(f"{name} came {len(found)} times: {found}")
        return found[0] if found else None


class Curl:
    """curl against one host."""

    def __init__(self, base: str, store: Store):
        self.base = base
        self.store = store

    def whole(self, url: str) -> str:
        return self.base + url if url.startswith("/") else url

    def __call__(self, url: str, *args: str) -> Got:
        head, body = self.store.fresh(), self.store.fresh()
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "60", "-D", head, "-o", body, *args, self.whole(url)],
            stderr=subprocess.DEVNULL,
        )
        got = Got(code=done.returncode, body=body.read_bytes() if body.exists() else b"")
        # The head of the last reply: an upload may be told to continue first.
        text = head.read_bytes().decode("latin-1") if head.exists() else ""
        lines = [part for part in text.split("\r\n\r\n") if part.strip()][-1:]
        for line in "".join(lines).split("\r\n"):
            name, colon, value = line.partition(":")
            if line.startswith("HTTP/"):
                got.status = int(line.split()[1])
            elif colon:
                got.headers.append((name, value.strip()))
        head.unlink(missing_ok=True)
        body.unlink(missing_ok=True)
        return got

    def head(self, url: str, *args: str) -> Got:
        return self(url, "-I", *args)

    def status(self, url: str, *headers: str) -> tuple[int, int]:
        """Asks with headers, and returns the status and how many bytes came."""
        got = self(url, *(part for header in headers for part in ("-H", header)))
        return got.status, len(got.body)


def run(*command: str | Path, **options) -> subprocess.CompletedProcess:
    """Runs a client that must go well."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, timeout=60, **options
    )
    if done.returncode != 0:
        answer = (done.stderr + done.stdout).decode(errors="replace")[-500:]
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {answer}")
    return done
