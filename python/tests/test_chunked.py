"""Uploads in chunks, whose length nobody says: whole or refused, in every server of the table."""

import json
import pathlib
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator

import pytest
from hosts import ASGI, EVERY, running

import holdall

APPS = """
import holdall, holdall.asgi, holdall.wsgi
store = holdall.open("files")
asgi = holdall.asgi.App(store, upload=lambda scope: ("alice", scope["path"][1:]))
wsgi = holdall.wsgi.App(store, upload=lambda environ: ("alice", environ["PATH_INFO"][1:]))
"""

READ = {
    *ASGI,
    "gunicorn",
    "gunicorn-gthread",
    "gunicorn-gevent",
    "waitress",
    "cheroot",
    "gevent-pywsgi",
    "bjoern",
    "werkzeug",
    "mod_wsgi-embedded",
}
"""Those that tell where a body in chunks ends; the others need its length."""

PIECE = bytes(range(256)) * 400
HANG = 60.0


@pytest.fixture(scope="module", params=EVERY)
def host(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, pathlib.Path]]:
    """A server that takes uploads: its name, where it listens, and its folder."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="holdall-"))
    try:
        folder.chmod(0o755)
        with holdall.open(folder / "files") as store:
            store.drive("alice").put("there", b"already")
        (folder / "apps.py").write_text(APPS)
        with running(folder, EVERY[request.param]) as base:
            yield request.param, base, folder
    finally:
        shutil.rmtree(folder)


def sent(base: str, path: str, pieces: int, end: bytes) -> bytes:
    """Sends a body in chunks and returns what came back."""
    name, port = base.removeprefix("http://").split(":")
    chunk = f"{len(PIECE):x}\r\n".encode() + PIECE + b"\r\n"
    head = f"PUT /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    with socket.create_connection((name, int(port)), HANG) as wire:
        got = b""
        try:
            wire.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            for _ in range(pieces):
                wire.sendall(chunk)
            wire.sendall(end)
            if not end:
                wire.shutdown(socket.SHUT_WR)
            while more := wire.recv(65536):
                got += more
        except TimeoutError:
            raise
        except OSError:
            pass  # a server that refuses may close while we send, and before we end our side
        return got


def test_a_body_in_chunks_is_whole_or_refused(host: tuple[str, str, pathlib.Path]) -> None:
    name, base, _ = host
    got = sent(base, "whole", 5, b"0\r\n\r\n")
    if name in READ:
        assert b" 201 " in got.split(b"\r\n")[0]
        body = got.partition(b"\r\n\r\n")[2]
        assert json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])["size"] == 5 * len(PIECE)
    else:
        assert not got or b" 411 " in got.split(b"\r\n")[0], got[:200]


def test_a_body_in_chunks_that_is_cut_is_not_stored(host: tuple[str, str, pathlib.Path]) -> None:
    _, base, folder = host
    for _ in range(3):
        got = sent(base, "cut", 3, b"")
        assert b" 201 " not in got.split(b"\r\n")[0]
    time.sleep(0.5)
    # Another process looks: Apache's files are another user's.
    with holdall.open(folder / "files") as store:
        names = {row.name for row in store.drive("alice").list()}
    assert "cut" not in names
    assert "there" in names
