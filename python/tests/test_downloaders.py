"""Downloads by the programs that people use, of a URL that permits one: however many requests a
program makes, and however often it is cut off, that is one use; another client gets nothing.
"""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

import holdall

APPS = """
import holdall, holdall.asgi
store = holdall.open("files", base_url="/files/")
inner = holdall.asgi.App(store)


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        for name, value in scope["headers"]:
            if name == b"x-from":
                scope = dict(scope, client=(value.decode(), 1))
    await inner(scope, receive, send)
"""

CONTENT = os.urandom(17 << 20)

FSSPEC = """
import sys, fsspec
url, target = sys.argv[1:]
fsspec.filesystem("http").get_file(url, target)
"""

SEEKS = """
import sys, fsspec
url, target = sys.argv[1:]
with fsspec.open(url, block_size=1 << 20) as file:
    whole = bytearray(file.size)
    for at in [*range(file.size - (file.size % (1 << 20)), -1, -(1 << 20))]:
        file.seek(at)
        piece = file.read(1 << 20)
        whole[at : at + len(piece)] = piece
open(target, "wb").write(whole)
"""

COMMANDS = {
    "curl": ["curl", "-sSf", "-o", "TARGET", "URL"],
    "wget": ["wget", "-q", "-O", "TARGET", "URL"],
    "aria2c": ["aria2c", "-q", "-x16", "-s16", "-k1M", "-d", "FOLDER", "-o", "NAME", "URL"],
    "axel": ["axel", "-q", "-n", "4", "-o", "TARGET", "URL"],
    "fsspec": [sys.executable, "-c", FSSPEC, "URL", "TARGET"],
    "fsspec-seeks": [sys.executable, "-c", SEEKS, "URL", "TARGET"],
}


@contextlib.contextmanager
def cutting(base: str, after: int) -> Iterator[str]:
    """A proxy that breaks every connection off after so many bytes of a reply."""
    to = urlsplit(base)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(wire: socket.socket) -> None:
        with wire, socket.create_connection((to.hostname or "", to.port or 0)) as server:
            asked = b""
            while b"\r\n\r\n" not in asked:
                more = wire.recv(1 << 16)
                if not more:
                    return
                asked += more
            server.sendall(asked)
            left = after
            with contextlib.suppress(OSError):
                while left > 0 and (piece := server.recv(min(left, 1 << 16))):
                    wire.sendall(piece)
                    left -= len(piece)
                wire.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, _ = listener.accept()
                threading.Thread(target=serve, args=(wire,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


@pytest.fixture
def once(tmp_path: pathlib.Path, server: Callable[..., str]) -> Iterator[tuple[str, str]]:
    """Where a server listens, and a URL that permits one download."""
    (tmp_path / "apps.py").write_text(APPS)
    with holdall.open(tmp_path / "files", base_url="/files/") as store:
        version = store.drive("alice").put("film.bin", CONTENT)
        yield server("uvicorn", "apps:asgi", "--port", "PORT"), store.url(version, max_uses=1)


def run(command: list[str], url: str, target: pathlib.Path) -> int:
    words = {"URL": url, "TARGET": str(target), "FOLDER": str(target.parent), "NAME": target.name}
    command = [words.get(word, word) for word in command]
    return subprocess.run(command, timeout=120, check=False).returncode


@pytest.mark.parametrize("name", COMMANDS)
def test_a_program_downloads_once(name: str, once: tuple[str, str], tmp_path: pathlib.Path) -> None:
    base, url = once
    target = tmp_path / "got"
    assert run(COMMANDS[name], base + url, target) == 0
    assert target.read_bytes() == CONTENT
    for method in ("GET", "HEAD"):
        other = httpx.request(method, base + url, headers={"x-from": "192.0.2.9"})
        assert other.status_code == 410


@pytest.mark.parametrize(
    "command",
    [
        ["curl", "-sS", "-C", "-", "-o", "TARGET", "URL"],
        ["wget", "-q", "-c", "--tries=1", "-O", "TARGET", "URL"],
    ],
    ids=lambda command: str(command[0]),
)
def test_a_program_goes_on_after_cuts(
    command: list[str], once: tuple[str, str], tmp_path: pathlib.Path
) -> None:
    base, url = once
    target = tmp_path / "got"
    with cutting(base, 5 << 20) as proxy:
        ends = [run(command, proxy + url, target)]
        while ends[-1] != 0 and len(ends) < 9:
            ends.append(run(command, proxy + url, target))
    assert ends[-1] == 0, ends
    assert len(ends) == 4, ends
    assert target.read_bytes() == CONTENT


def test_a_player_seeks(once: tuple[str, str]) -> None:
    base, url = once
    size = len(CONTENT)
    with httpx.Client(base_url=base) as player:
        # As Chromium's <video> does with an index at the end: it begins and looks there.
        for start in (0, size - 60_000, 48):
            with player.stream("GET", url, headers={"Range": f"bytes={start}-"}) as reply:
                assert reply.status_code == 206
                assert len(next(reply.iter_raw())) > 0
        for start in range(0, size, 1 << 20):
            wanted = {"Range": f"bytes={start}-{start + (1 << 20) - 1}"}
            assert player.get(url, headers=wanted).content == CONTENT[start : start + (1 << 20)]
