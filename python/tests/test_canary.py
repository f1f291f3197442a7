"""Every web server of the table serves what was asked for, to the byte, and nothing beside it.

Each serves a store whose contents have marked bytes before and behind them in the same file of the
store, and the keys that sign. A mark in anything that comes over the wire fails, and so does a byte
too many or too few.
"""

import hashlib
import importlib.metadata
import os
import pathlib
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hosts import EVERY, running
from pages import blocks

import holdall

CANARY = os.urandom(32)
KEY = os.urandom(32)
THRESHOLD = 1 << 20
LARGE = 20 << 20
SIZES = [0, 1, 65_535, 65_536, 100_000, THRESHOLD - 1, THRESHOLD, THRESHOLD + 1, LARGE]
RANGES = ["0-0", "0-", "1-", "70000-", "-10", "33000-98999", "0-99", "999-70998"]
HANG = 60.0
"""Seconds after which a server that says nothing hangs."""

APPS = """
import holdall, holdall.asgi, holdall.wsgi
store = holdall.open("files")
asgi = holdall.asgi.App(store)
wsgi = holdall.wsgi.App(store)
"""

FLASK = """
import flask, holdall
from a2wsgi import WSGIMiddleware
from holdall.flask import store_response

store = holdall.open("files")
wsgi = flask.Flask(__name__)
asgi = WSGIMiddleware(wsgi)

@wsgi.route("/<path:path>")
def download(path):
    return store_response(store, flask.request)
"""

DJANGO = """
import django, holdall
from django.conf import settings
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="apps",
    MIDDLEWARE=[],
    STORAGES={"default": {
        "BACKEND": "holdall.django.Storage", "OPTIONS": {"path": "files", "base_url": "/"},
    }},
)
django.setup()
import holdall.django
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.urls import path
urlpatterns = [path("<path:path>", holdall.django.serve)]
asgi, wsgi = get_asgi_application(), get_wsgi_application()
"""

STARLETTE = """
import holdall
from holdall.starlette import StoreResponse
from starlette.applications import Starlette
from starlette.routing import Route

store = holdall.open("files")


async def download(request):
    return StoreResponse(store, request)


asgi = Starlette(routes=[Route("/{path:path}", download, methods=["GET", "HEAD"])])
"""

FRAMEWORKS = {
    **{
        f"flask-{name}": (EVERY[name], FLASK)
        for name in ("gunicorn", "uwsgi", "bjoern", "uvicorn-httptools")
    },
    **{
        f"django-{name}": (EVERY[name], DJANGO)
        for name in ("gunicorn", "gunicorn-gevent", "uwsgi", "uvicorn-httptools", "daphne")
    },
    **{
        f"starlette-{name}": (EVERY[name], STARLETTE)
        for name in ("uvicorn-httptools", "granian-asgi")
    },
}


def page(name: str) -> str:
    """The app of a page of the documentation, at the root of its server."""
    return blocks(name)[0].replace("/files/", "/")


APP = ["gunicorn", "apps:app", "--bind", "127.0.0.1:PORT"]

PAGES = {
    "aiohttp": ([*APP, "--worker-class", "aiohttp.GunicornWebWorker"], page("aiohttp")),
    "quart-hypercorn": (
        ["hypercorn", "apps:entry", "--bind", "127.0.0.1:PORT"],
        page("quart"),
    ),
    "sanic": (["sanic", "apps:app", "--port=PORT", "--single-process"], page("sanic")),
    "tornado-page": (["apps", "--port=PORT"], page("tornado")),
}
"""What has servers of its own."""

HOSTS = {name: (command, APPS) for name, command in EVERY.items()} | FRAMEWORKS | PAGES

ABSENT: set[str] = set()
"""Of the distributions below, those that cannot be installed with this Python: none."""

DISTRIBUTIONS = (
    "uvicorn h11 httptools uvloop hypercorn granian daphne gunicorn gevent waitress cheroot tornado"
)
DISTRIBUTIONS += " bjoern uwsgi werkzeug flask django aiohttp sanic"


def test_every_server_of_the_table_is_here() -> None:
    absent = set()
    for name in DISTRIBUTIONS.split():
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            absent.add(name)
    assert absent == ABSENT
    assert pathlib.Path("/usr/lib/apache2/modules/mod_wsgi.so").exists(), (
        "mod_wsgi is missing; install it: apt-get install apache2 libapache2-mod-wsgi-py3"
    )


class Answer(NamedTuple):
    """What came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


class Marked(NamedTuple):
    """A store that is served, and what must come out of it."""

    folder: pathlib.Path
    contents: dict[str, bytes]
    """By the URL."""
    parts: dict[str, Answer]
    """The reply to a request of several ranges, by the URL."""


def mark(number: int) -> bytes:
    """A neighbour's content: it is no other's, so it is stored beside."""
    return number.to_bytes(8, "big") + CANARY * 8192


def lies_at(file: holdall.Reader) -> tuple[int, int]:
    """The file of the store that content is in, and where."""
    segment = next(iter(file.body.segments(1)))
    assert segment.fileno is not None
    assert segment.offset is not None
    return os.fstat(segment.fileno).st_ino, segment.offset


def content(size: int) -> bytes:
    return hashlib.shake_256(size.to_bytes(8, "big")).digest(size)


def marked(folder: pathlib.Path) -> Marked:
    """Makes a store with marks beside each content; the log of its first file holds the key."""
    contents, parts = {}, {}
    with holdall.open(folder / "files", keys=[KEY]) as store:
        mallory, alice = store.drive("mallory"), store.drive("alice")
        for at, size in enumerate(SIZES):
            mallory.put(f"{at} before", mark(2 * at))
            version = alice.put(f"all/{size}", content(size))
            mallory.put(f"{at} behind", mark(2 * at + 1))
            contents[store.url(version)] = content(size)
            if 0 < size < THRESHOLD:
                before, here, behind = (
                    lies_at(drive.open(name))
                    for drive, name in (
                        (mallory, f"{at} before"),
                        (alice, f"all/{size}"),
                        (mallory, f"{at} behind"),
                    )
                )
                assert before[0] == here[0] == behind[0], "the marks lie in another file"
                assert before[1] < here[1] < behind[1]
        archive = alice.archive(["all"], name="all.zip")
        contents[archive] = bytes(store.serve("GET", archive).body)
        for url, whole in contents.items():
            if len(whole) > 70_000:
                reply = store.serve("GET", url, {"Range": "bytes=0-9,65000-69999"})
                assert reply.status == 206
                parts[url] = Answer(206, dict(reply.headers), bytes(reply.body))
    segments = b"".join(path.read_bytes() for path in (folder / "files" / "seg").iterdir())
    assert KEY in segments, "the key lies in no segment"
    assert segments.count(CANARY * 8192) == 2 * len(SIZES)
    return Marked(folder, contents, parts)


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest) -> Iterator[tuple[str, Marked]]:
    """A server with such a store."""
    command, apps = HOSTS[request.param]
    # Apache's processes are another user's, who must come to it.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="holdall-"))
    try:
        folder.chmod(0o755)
        made = marked(folder)
        (folder / "apps.py").write_text(apps)
        with running(folder, command) as base:
            yield base, made
    finally:
        shutil.rmtree(folder)


def connected(base: str) -> socket.socket:
    name, port = base.removeprefix("http://").split(":")
    return socket.create_connection((name, int(port)), HANG)


def clean(got: bytes) -> bytes:
    """Fails where a mark is in what came."""
    assert CANARY not in got + got[:32], "the bytes of a neighbour came out"
    assert KEY not in got, "a key that signs came out"
    return got


def ask(base: str, method: str, url: str, **headers: str) -> Answer:
    """Asks on a connection of its own, and reads to its end: nothing may stand behind the body."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    with connected(base) as wire:
        asked = f"{method} {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{''.join(lines)}\r\n"
        wire.sendall(asked.encode())
        got = b"".join(iter(lambda: wire.recv(1 << 20), b""))
    head, _, body = clean(got).partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in rest)
    answer = {name.lower(): value.strip() for name, _, value in pairs}
    assert "transfer-encoding" not in answer, "a body of known length came in chunks"
    return Answer(int(first.split()[1]), answer, body)


def of(length: int, text: str) -> slice:
    """The bytes of a range."""
    first, last = re.fullmatch(r"(\d*)-(\d*)", text).groups()  # type: ignore[union-attr]
    if not first:
        return slice(max(0, length - int(last)), length)
    return slice(int(first), int(last) + 1 if last else length)


def test_whole_contents(host: tuple[str, Marked]) -> None:
    base, marked = host
    for url, whole in marked.contents.items():
        got = ask(base, "GET", url)
        assert (got.status, got.headers["content-length"]) == (200, str(len(whole)))
        assert len(got.body) == len(whole)
        assert got.body == whole
        head = ask(base, "HEAD", url)
        assert (head.status, head.body) == (200, b"")
        # Apache leaves the length of nothing out.
        assert head.headers.get("content-length", "0") == str(len(whole))
        same = ask(base, "GET", url, If_None_Match=got.headers["etag"])
        assert (same.status, same.body) == (304, b"")


def test_ranges(host: tuple[str, Marked]) -> None:
    base, marked = host
    for url, whole in marked.contents.items():
        for text in RANGES:
            part = whole[of(len(whole), text)]
            got = ask(base, "GET", url, Range=f"bytes={text}")
            if not part:
                assert got.status in (200, 416), text
                continue
            assert (got.status, got.headers["content-length"]) == (206, str(len(part))), text
            assert len(got.body) == len(part), text
            assert got.body == part, text


def test_several_ranges(host: tuple[str, Marked]) -> None:
    base, marked = host
    for url, expected in marked.parts.items():
        got = ask(base, "GET", url, Range="bytes=0-9,65000-69999")
        kind, known = got.headers["content-type"], expected.headers["Content-Type"]
        boundary, other = (text.partition("boundary=")[2].encode() for text in (kind, known))
        assert (got.status, got.headers["content-length"]) == (206, str(len(got.body)))
        assert boundary
        assert got.body.replace(boundary, b"") == expected.body.replace(other, b"")


def test_a_client_that_goes_away(host: tuple[str, Marked]) -> None:
    base, marked = host
    url, whole = next(item for item in marked.contents.items() if len(item[1]) == LARGE)
    for asked in ("", "Range: bytes=1000-\r\n"):
        for _ in range(3):
            with connected(base) as wire:
                wire.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\n{asked}\r\n".encode())
                clean(wire.recv(100_000))
    got = ask(base, "GET", url)
    assert got.body == whole


def test_one_connection_and_many_requests(host: tuple[str, Marked]) -> None:
    """What comes behind a body is the next reply, where the server keeps the connection."""
    base, marked = host
    with connected(base) as wire, wire.makefile("rb") as stream:
        for url, whole in marked.contents.items():
            if not 0 < len(whole) <= THRESHOLD + 1:
                continue
            try:
                wire.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                status = stream.readline()
            except ConnectionError:
                status = b""
            if not status:
                return  # the server closes after each reply
            assert b" 200 " in status
            head = dict(line.lower().split(b":", 1) for line in iter(stream.readline, b"\r\n"))
            assert stream.read(int(head[b"content-length"])) == whole
            if head.get(b"connection", b"").strip() == b"close":
                return


def test_a_mark_is_found(tmp_path: pathlib.Path) -> None:
    """The control: a file of the store, sent from its beginning, has marks and the key in it."""
    marked(tmp_path)
    (segment, *_) = (tmp_path / "files" / "seg").iterdir()
    with pytest.raises(AssertionError, match="neighbour"):
        clean(segment.read_bytes())
    with pytest.raises(AssertionError, match="key"):
        clean(b"x" + KEY)
