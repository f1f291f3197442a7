"""A host under test, from its start to its end."""

import os
import select
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FORMS = ("/axum", "/hyper", "/actix", "/salvo")
"""How the names of hosts end that take forms at POST /upload as well as PUT /upload/NAME."""

STREAMS = (*FORMS, "/go/build/server", "/node/build/server", "/java/build/server")
"""How the names of hosts end that take uploads as `tests.hosts.stream` sends them."""


@dataclass(frozen=True)
class Kind:
    """How a host is started, and what it can beside serving."""

    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    uploads: bool = True
    paces: bool = False
    is_nginx: bool = False
    streams: bool = False
    forms: bool = False
    parses: bool = False
    """Whether it refuses what is no URI by itself, in the query too, which the store does not look at."""


def kind_of(name: str, holdall: str) -> Kind:
    """Returns the kind of a host by its name, or by its command line."""
    if name == "cli":
        return Kind((holdall, "serve"), ("--listen", "127.0.0.1:0"), uploads=False, paces=True)
    if name == "nginx":
        return Kind((str(ROOT / "examples/nginx/serve"),), uploads=False, paces=True, is_nginx=True)
    if "/examples/" in name and name.endswith(STREAMS):
        java = name.endswith("/java/build/server")
        return Kind((name,), uploads=False, streams=True, forms=name.endswith(FORMS), parses=java)
    return Kind(tuple(shlex.split(name)))


class Host:
    """A running host; `with` stops it."""

    def __init__(self, kind: Kind, store: Path):
        self.kind = kind
        command = [*kind.command, str(store), *kind.after]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=store.parent)
        try:
            self.base = self._address(20)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _address(self, patience_s: float) -> str:
        """Waits for the line that says where the host listens."""
        line, end = b"", time.monotonic() + patience_s
        descriptor = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0, end - time.monotonic()))
            piece = os.read(descriptor, 4096) if ready else b""
            if not piece:
                raise RuntimeError(f"{self.kind.command[0]} did not say where it listens: {line!r}")
            line += piece
        words = line.decode().split()
        if words[:2] != ["listening", "on"] or len(words) < 3:
            raise RuntimeError(f"{self.kind.command[0]} said {line!r}")
        return words[2].rstrip("/")

    @property
    def address(self) -> tuple[str, int]:
        name, port = self.base.removeprefix("http://").rsplit(":", 1)
        return name, int(port)

    def stop(self, patience_s: float = 15) -> int:
        """Asks the host to end, and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(
                f"{self.kind.command[0]} did not end within {patience_s} s"
            ) from None

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *_) -> None:
        self.stop()
