"""The adapters in real servers, in processes of their own, driven over the wire."""

import http.client
import os
import pathlib
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator

import httpx
import pytest
from pages import save

import holdall

SMALL = b"hello world"
LARGE = os.urandom((3 << 20) + 5)

ASGI = {
    "uvicorn": ["uvicorn", "app:app", "--port", "PORT", "--log-level", "warning"],
    "uvicorn-workers": ["uvicorn", "app:app", "--port", "PORT", "--workers", "2"],
    "hypercorn": ["hypercorn", "app:app", "--bind", "127.0.0.1:PORT"],
    "granian": ["granian", "app:app", "--interface", "asgi", "--port", "PORT"],
}
GUNICORN = ["gunicorn", "wsgi:app", "--bind", "127.0.0.1:PORT"]
THREADS = ["--workers", "2", "--threads", "2", "--worker-class", "gthread"]
WSGI = {
    "gunicorn": GUNICORN,
    "gunicorn-preload": [*GUNICORN, "--workers", "2", "--preload"],
    "gunicorn-gthread": [
        *GUNICORN,
        "--workers",
        "2",
        "--threads",
        "2",
        "--worker-class",
        "gthread",
    ],
    "waitress": ["waitress", "--listen", "127.0.0.1:PORT", "wsgi:app"],
}


@pytest.fixture(params=[*ASGI, *WSGI])
def served(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, server: Callable[..., str]
) -> Iterator[tuple[str, holdall.Store]]:
    """A server that serves the store files, as the README says, and the store."""
    name = request.param
    save("README", tmp_path)
    store = holdall.open(tmp_path / "files")
    with store:
        yield server(*(ASGI | WSGI)[name]), store


def test_downloads_are_right_to_the_byte(served: tuple[str, holdall.Store]) -> None:
    base, store = served
    alice = store.drive("alice")
    alice.put_many({f"dir/{number}": os.urandom(3000) for number in range(300)})
    small = store.url(alice.put("räksmörgås 1.txt", SMALL))
    large = store.url(alice.put("large.bin", LARGE))
    archive = alice.archive(["dir", "large.bin"], name="all.zip")
    whole = bytes(store.serve("GET", archive).body)
    with httpx.Client(base_url=base) as client:
        for url, content in ((small, SMALL), (large, LARGE), (archive, whole)):
            reply = client.get(url)
            assert reply.status_code == 200
            assert reply.content == content
            assert reply.headers["content-length"] == str(len(content))
            assert reply.headers["accept-ranges"] == "bytes"
            etag = reply.headers["etag"]
            head = client.head(url)
            assert head.headers["content-length"] == str(len(content))
            assert head.content == b""
            assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
            for start, stop in ((0, 1), (3, 9), (len(content) // 2, len(content))):
                part = client.get(
                    url, headers={"Range": f"bytes={start}-{stop - 1}", "If-Range": etag}
                )
                assert part.status_code == 206
                assert part.content == content[start:stop]
            if len(content) > 100_000:
                many = client.get(url, headers={"Range": "bytes=0-1,50000-50004"})
                assert many.headers["content-type"].startswith("multipart/byteranges")
                assert content[50000:50005] in many.content
                assert len(many.content) == int(many.headers["content-length"])
            assert client.get(url, headers={"Range": "bytes=999999999-"}).status_code == 416
        assert "filename*=UTF-8''r%C3%A4ksm" in client.get(small).headers["content-disposition"]
        assert client.get("/d/forged/x").status_code == 403
        assert client.get("/nowhere").status_code == 404
        assert client.post(small).status_code == 405
        alice.put("later", b"put by another process")
        later = client.get(store.url(alice.versions("later")[0]))
        assert later.content == b"put by another process"


def test_clients_of_every_kind(served: tuple[str, holdall.Store], tmp_path: pathlib.Path) -> None:
    base, store = served
    alice = store.drive("alice")
    alice.put("a.bin", LARGE)
    url = base + alice.archive(["a.bin"], name="a.zip")
    curl = shutil.which("curl")
    if curl is None:
        pytest.fail("curl is missing; install it: apt-get install curl")
    target = tmp_path / "got.zip"
    subprocess.run([curl, "-sSf", "-r", "0-99999", "-o", target, url], check=True)
    subprocess.run([curl, "-sSf", "-C", "-", "-o", target, url], check=True)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert archive.read("a.bin") == LARGE
    # One connection, several requests: lengths are right, or this would hang or mix up.
    host = base.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    for _ in range(3):
        connection.request("HEAD", url.removeprefix(base))
        connection.getresponse().read()
        connection.request("GET", url.removeprefix(base), headers={"Range": "bytes=-10"})
        assert len(connection.getresponse().read()) == 10
    connection.close()


@pytest.mark.parametrize("name", ["uvicorn", "gunicorn-gthread"])
def test_a_client_that_goes_away_does_no_harm(
    name: str, tmp_path: pathlib.Path, server: Callable[..., str]
) -> None:
    save("README", tmp_path)
    with holdall.open(tmp_path / "files") as store:
        alice = store.drive("alice")
        url = store.url(alice.put("x", bytes(64 << 20)))
        base = server(*(ASGI | WSGI)[name])
        host, port = base.removeprefix("http://").split(":")
        for _ in range(5):
            with socket.create_connection((host, int(port))) as wire:
                wire.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert wire.recv(1000).startswith(b"HTTP/1.1 200")
        began = time.perf_counter()
        assert len(httpx.get(base + url).content) == 64 << 20
        assert time.perf_counter() - began < 30


@pytest.mark.parametrize("name", ["uvicorn", "gunicorn-gthread"])
def test_a_store_that_maps_nothing_is_served_alike(
    name: str, tmp_path: pathlib.Path, server: Callable[..., str]
) -> None:
    save("README", tmp_path)
    for file in ("app.py", "wsgi.py"):
        text = (tmp_path / file).read_text()
        opened = 'holdall.open("files", map=False)'
        assert text.count('holdall.open("files")') == 1
        (tmp_path / file).write_text(text.replace('holdall.open("files")', opened))
    with holdall.open(tmp_path / "files") as store:
        alice = store.drive("alice")
        url = store.url(alice.put("large.bin", LARGE))
        archive = alice.archive(["large.bin"], name="all.zip")
        whole = bytes(store.serve("GET", archive).body)
        base = server(*(ASGI | WSGI)[name])
        with httpx.Client(base_url=base) as client:
            for path, content in ((url, LARGE), (archive, whole)):
                assert client.get(path).content == content
                part = client.get(path, headers={"Range": "bytes=1000000-2000000"})
                assert (part.status_code, part.content) == (206, content[1000000:2000001])
                assert client.head(path).headers["content-length"] == str(len(content))
