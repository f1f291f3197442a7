"""The wire formats of Cloudreve and PDS behind the adapters, over the wire."""

import hashlib
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hosts import SERVERS

import holdall

CONTENT = os.urandom((2 << 20) + 7)
MIB = 1 << 20

APPS = """
import os, pathlib
import holdall, holdall.asgi, holdall.wsgi
from holdall import Caller, errors

pathlib.Path("pid").write_text(str(os.getpid()))
store = holdall.open("files", base_url="/files/")
api = store.api(prefix="/files")
seen = []


def check(authorization):
    if authorization == "Bearer broken":
        raise errors.Locked("the users are locked at /secret")
    if authorization == "Bearer expired":
        raise errors.Denied("a token that is over")
    if authorization == "Bearer alice":
        return Caller("alice", token="alice")
    return None


async def asgi_check(scope):
    return check(dict(scope["headers"]).get(b"authorization", b"").decode())


def wsgi_check(environ):
    return check(environ.get("HTTP_AUTHORIZATION"))


served = holdall.asgi.App(store, api=api, caller=asgi_check, upload=lambda scope: None)


async def asgi(scope, receive, send):
    # As a framework mounts it.
    if scope["type"] == "http":
        scope = dict(scope, root_path="/files")
    await served(scope, receive, send)


inner = holdall.wsgi.App(store, api=api, caller=wsgi_check, upload=lambda environ: None)


def wsgi(environ, start_response):
    if environ["PATH_INFO"].startswith("/files/"):
        environ["SCRIPT_NAME"] = "/files"
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/files")
    return inner(environ, start_response)
"""

BEARER = {"Authorization": "Bearer alice"}


def test_both_formats_over_the_wire(base: str, tmp_path: pathlib.Path) -> None:
    with holdall.open(tmp_path / "files", base_url="/files/") as store:
        version = store.drive("alice").put("r\xe4ks 1.bin", CONTENT)
        native = store.url(version)
    with httpx.Client(base_url=base, headers=BEARER, timeout=60) as client:
        asked: dict[str, Any] = {"uris": ["cloudreve://my/r%C3%A4ks%201.bin"]}
        printed = client.post("/files/api/v4/file/url", json=asked).json()
        url = printed["data"]["urls"][0]["url"]
        assert url.startswith("/files/api/v4/file/content/")
        anyone = httpx.get(base + url)
        assert (anyone.status_code, anyone.content) == (200, CONTENT)
        part = httpx.get(base + url, headers={"Range": "bytes=7-1000006"})
        assert (part.status_code, part.content) == (206, CONTENT[7:1000007])
        assert client.head(url).headers["content-length"] == str(len(CONTENT))
        assert client.options(url).status_code == 204
        assert client.get(native).content == CONTENT  # all else goes to the store
        assert client.put("/files/other", content=b"x").status_code == 403

        drive = client.post("/files/v2/drive/get_default_drive", json={}).json()["drive_id"]
        asked = {"drive_id": drive, "parent_file_id": "root", "name": "up.bin", "type": "file"}
        parts = [{"part_number": number} for number in (1, 2)]
        made = client.post("/files/v2/file/create", json=asked | {"part_info_list": parts}).json()
        urls = [part["upload_url"] for part in made["part_info_list"]]
        assert httpx.put(base + urls[0], content=CONTENT[:MIB]).status_code == 200
        # In pieces, without a length.
        rest = iter([CONTENT[MIB : MIB + 100_000], CONTENT[MIB + 100_000 :]])
        assert httpx.put(base + urls[1], content=rest).status_code == 200
        ids = {key: made[key] for key in ("drive_id", "file_id", "upload_id")}
        done = client.post("/files/v2/file/complete", json=ids).json()
        assert done["size"] == len(CONTENT)
        printed = client.post("/files/v2/file/get_download_url", json=ids).json()
        assert httpx.get(base + printed["url"]).content == CONTENT


def test_who_is_not_known_is_refused_over_the_wire(base: str) -> None:
    get = {"drive_id": "1", "file_id": "f1"}
    with httpx.Client(base_url=base) as client:
        reply = client.post("/files/v2/file/get", json=get)
        assert (reply.status_code, reply.json()["code"]) == (401, "AccessTokenInvalid")
        printed = client.post("/files/api/v4/file/url", json={"uris": ["cloudreve://my/a"]}).json()
        assert printed["code"] != 0
        expired = {"Authorization": "Bearer expired"}
        assert client.post("/files/v2/file/get", json=get, headers=expired).status_code == 403
        broken = client.post(
            "/files/v2/file/get", json=get, headers={"Authorization": "Bearer broken"}
        )
        assert broken.status_code == 503
        assert "secret" not in broken.text
        assert client.post("/v2/file/get", json=get).status_code in (403, 404)


def test_t12_a_body_beyond_the_bound_is_told_over_the_wire(base: str) -> None:
    with httpx.Client(base_url=base, headers=BEARER, timeout=60) as client:
        reply = client.post("/files/v2/file/get", content=b" " * (6 * MIB))
        assert reply.status_code == 400
        assert "4 MiB" in reply.json()["message"]
        refused = client.put("/files/v2/upload/forged", content=b" " * (6 * MIB))
        assert (refused.status_code, refused.json()["code"]) == (403, "AccessDenied")
        assert client.post("/files/v2/drive/get_default_drive", json={}).status_code == 200


def anonymous_kib(pid: int) -> int:
    """The memory of a process that is not a file's, in KiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("name", ["uvicorn-h11", "gunicorn"])
def test_a_part_is_streamed_with_flat_memory(
    name: str, tmp_path: pathlib.Path, server: Callable[..., str]
) -> None:
    (tmp_path / "apps.py").write_text(APPS)
    base = server(*SERVERS[name])
    block, count = os.urandom(MIB), 64
    with httpx.Client(base_url=base, headers=BEARER, timeout=120) as client:
        drive = client.post("/files/v2/drive/get_default_drive", json={}).json()["drive_id"]
        asked = {"drive_id": drive, "parent_file_id": "root", "name": "big", "type": "file"}
        made = client.post("/files/v2/file/create", json=asked).json()
        pid = int((tmp_path / "pid").read_text())
        before, most = anonymous_kib(pid), 0

        def blocks() -> Iterator[bytes]:
            nonlocal most
            for _ in range(count):
                yield block
                most = max(most, anonymous_kib(pid))

        headers = {"Content-Length": str(count * MIB)}
        url = made["part_info_list"][0]["upload_url"]
        assert client.put(url, content=blocks(), headers=headers).status_code == 200
        ids = {key: made[key] for key in ("drive_id", "file_id", "upload_id")}
        done = client.post("/files/v2/file/complete", json=ids).json()
        assert done["content_hash"] == hashlib.sha1(block * count).hexdigest().upper()
        assert most - before < 24 << 10, f"{most - before} KiB more"


HOLDING = """
import os
input("begun\\n")
held = os.urandom(64 << 20)
input("held\\n")
"""


def test_a_body_that_is_held_shows_in_the_measure() -> None:
    """The control of the test before: in a process that frees nothing, the figure rises."""
    command = [sys.executable, "-c", HOLDING]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        before = anonymous_kib(child.pid)
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.stdout.readline() == "held\n"
        assert anonymous_kib(child.pid) - before > 60 << 10
        child.stdin.write("\n")
