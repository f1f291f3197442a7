"""Every page does what it says: its blocks are saved, its commands typed, the outcome looked at."""

import asyncio
import importlib.metadata
import io
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pages import PAGES, blocks, commands, name_of, save

import holdall
import holdall.fastapi

REPORT = b"%PDF-1.7\n" + os.urandom((2 << 20) + 3)

PORT = {
    "python": ["--port=PORT"],
    "sanic": ["--port=PORT", "--single-process"],
    "uvicorn": ["--port", "PORT"],
    "gunicorn": ["--bind", "127.0.0.1:PORT"],
    "hypercorn": ["--bind", "127.0.0.1:PORT"],
}


@pytest.fixture
def here(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "report.pdf").write_bytes(REPORT)
    return tmp_path


def words(command: str) -> list[str]:
    """A command that starts a server, on a free port."""
    typed = shlex.split(command)
    # Servers are started by `python -m` anyway.
    module = typed[2:] if typed[:2] == ["python", "-m"] else typed
    return [*module, *PORT[typed[0]]]


def typed(command: str, base: str, here: pathlib.Path) -> str:
    """Runs a line of a page as it stands, but for the port; returns what it printed."""
    if shutil.which("curl") is None:
        pytest.fail("curl is missing; install it: apt-get install curl")
    line = command.replace("http://127.0.0.1:8000", base)
    done = subprocess.run(line, shell=True, cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def downloads(base: str, url: str) -> None:
    with httpx.Client(base_url=base) as client:
        got = client.get(url)
        assert (got.status_code, got.content) == (200, REPORT)
        part = client.get(url, headers={"Range": "bytes=5-104", "If-Range": got.headers["etag"]})
        assert (part.status_code, part.content) == (206, REPORT[5:105])
        head = client.head(url)
        assert head.headers["content-length"] == str(len(REPORT))
        assert client.get(url, headers={"If-None-Match": got.headers["etag"]}).status_code == 304
        assert client.get(url[:-20] + "A" * 20).status_code in (403, 404)


def uploads_and_downloads(page: str, base: str, here: pathlib.Path) -> None:
    """What the page's form and its archive give."""
    (line,) = (line for line in commands(page, "curl") if " -F " in line)
    for _ in range(2):
        answer = json.loads(typed(line, base, here))
        assert answer["size"] == len(REPORT)
        downloads(base, answer["url"])
    whole = httpx.get(f"{base}/inbox.zip")
    assert whole.headers["content-type"] == "application/zip"
    assert whole.headers["content-length"] == str(len(whole.content))
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        assert archive.read("inbox/report.pdf") == REPORT
    half = httpx.get(f"{base}/inbox.zip", headers={"Range": "bytes=1000-"})
    assert half.status_code == 206
    head = httpx.head(f"{base}/inbox.zip")
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))
    # More than a framework's default limit, a form sent with no file chosen, and no form.
    large = httpx.post(f"{base}/upload", files={"file": ("large", bytes(11 << 20))}, timeout=60)
    assert (large.status_code // 100, large.json()["size"]) == (2, 11 << 20)
    for wrong in ({"files": {"file": ("", b"")}}, {"data": {"file": "text"}}, {}):
        assert 400 <= httpx.post(f"{base}/upload", **wrong).status_code < 500  # type: ignore[arg-type]
    if page == "django":
        return  # it drops such a name by itself, and the view asks for no check
    bad = httpx.post(f"{base}/upload", files={"file": ("..", b"x")})
    assert bad.status_code == 400


FRAMEWORKS = ["aiohttp", "fastapi", "flask", "litestar", "quart", "sanic", "tornado"]


def started(page: str) -> list[str]:
    """The command of a page that starts its server, on a free port."""
    servers = ("uvicorn", "gunicorn", "hypercorn", "sanic", "python")
    return words(next(line for program in servers for line in commands(page, program)))


@pytest.mark.parametrize("page", FRAMEWORKS)
def test_a_framework_s_page(page: str, here: pathlib.Path, server: Callable[..., str]) -> None:
    save(page, here)
    base = server(*started(page))
    uploads_and_downloads(page, base, here)
    with holdall.open(here / "files", create=False) as store:
        assert len(store.drive("alice").versions("inbox/report.pdf")) == 2
        assert store.check(content=True).is_sound


@pytest.mark.parametrize("page", FRAMEWORKS)
def test_a_bad_file_name_is_the_client_s_fault(
    page: str, here: pathlib.Path, server: Callable[..., str]
) -> None:
    save(page, here)
    base = server(*started(page))
    for name in ("..", ".", "x" * 300, "a/../b", "a//b"):
        bad = httpx.post(f"{base}/upload", files={"file": (name, b"x")})
        assert bad.status_code == 400, name
    for fields in ({"file": "/etc/passwd"}, {}):
        assert httpx.post(f"{base}/upload", data=fields).status_code in (400, 422), fields


def test_flask_s_own_server(here: pathlib.Path, server: Callable[..., str]) -> None:
    save("flask", here)
    uploads_and_downloads("flask", server("flask", "--app", "pages", "run", "--port", "PORT"), here)


@pytest.mark.parametrize("page", ["fastapi", "flask"])
def test_uploads_without_a_route(page: str, here: pathlib.Path, server: Callable[..., str]) -> None:
    save(page, here)
    (block,) = (block for block in blocks(page) if name_of(block) == "direct.py")
    command = block.partition("\n")[0].partition(": ")[2]
    base = server(*words(command))
    (line,) = (line for line in commands(page, "curl") if " -T " in line)
    answer = json.loads(typed(line, base, here))
    assert answer["size"] == len(REPORT)
    downloads(base, answer["url"])
    refused = httpx.put(f"{base}/put/x", content=b"x")
    assert refused.status_code == 403
    alice = {"Authorization": "Bearer alice's secret"}
    for name in ("gr\u00f6\u00dfe \u20ac.txt", "\u65e5\u672c"):
        assert httpx.put(f"{base}/put/{name}", content=b"x", headers=alice).status_code == 201
        with holdall.open(here / "files", create=False) as store:
            assert store.drive("alice").open(name).read() == b"x"
    for wrong in ("%ff", "folder/"):
        reply = httpx.put(f"{base}/put/{wrong}", content=b"x", headers=alice)
        assert reply.status_code == 400 or (page, wrong) == ("fastapi", "%ff"), reply.text


def test_a_store_and_a_drive_are_dependencies(
    here: pathlib.Path, server: Callable[..., str]
) -> None:
    save("fastapi", here)
    (block,) = (block for block in blocks("fastapi") if name_of(block) == "shared.py")
    base = server(*words(block.partition("\n")[0].partition(": ")[2]))
    sent: dict[str, Any] = {"files": {"file": ("report.pdf", REPORT)}}
    assert httpx.post(f"{base}/upload", **sent).status_code == 401
    alice = {"Authorization": "Bearer alice's secret"}
    uploaded = httpx.post(f"{base}/upload", headers=alice, **sent)
    assert uploaded.status_code == 200
    downloads(base, uploaded.json())
    with holdall.open(here / "files", create=False) as store:
        assert store.drive("alice").open("inbox/report.pdf").read() == REPORT


def test_the_dependency_opens_and_closes_its_store(tmp_path: pathlib.Path) -> None:
    files = holdall.fastapi.Opened(tmp_path / "files")

    async def run() -> holdall.Store:
        with pytest.raises(RuntimeError, match="lifespan"):
            await files()
        async with files.lifespan(None):
            store = await files()
            drive: holdall.Drive = await files.drive(lambda: "alice")(store, "alice")
            drive.put("a", b"x")
        with pytest.raises(RuntimeError, match="lifespan"):
            await files()
        return store

    store = asyncio.run(run())
    with pytest.raises(holdall.errors.InvalidArgument, match="closed"):
        store.drive("alice")


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_the_django_page(here: pathlib.Path, server: Callable[..., str], kind: str) -> None:
    project(here)
    command = commands("django", "gunicorn")[0]
    if kind == "asgi":
        command = "uvicorn mysite.asgi:application --lifespan off"
    base = server(*words(command))
    uploads_and_downloads("django", base, here)
    assert httpx.get(f"{base}/media/d/forged/x").status_code == 403
    # What the new project has already stays: the admin, which asks who is there.
    assert httpx.get(f"{base}/admin/").status_code == 302
    with holdall.open(here / "files", create=False) as store:
        # The second has a name of its own, and neither has more than one version.
        names = [row.name for row in store.drive("media").list("inbox")]
        assert len([name for name in names if name.startswith("report")]) == 2


def project(here: pathlib.Path) -> None:
    """Makes a Django project with what the page adds to it."""
    words = ["django", "startproject", "mysite", "."]
    subprocess.run([sys.executable, "-m", *words], cwd=here, check=True)
    settings, urls = (here / "mysite" / name for name in ("settings.py", "urls.py"))
    made, routes = settings.read_text(), urls.read_text()
    save("django", here)
    settings.write_text(f'{made}\nALLOWED_HOSTS = ["*"]\n{settings.read_text()}')
    # Those of the new project stay, such as the admin's.
    urls.write_text(f"{routes}\n{urls.read_text()}")


def test_the_django_command(here: pathlib.Path) -> None:
    project(here)
    (line,) = commands("django", "python")

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *shlex.split(line)[1:]],
            cwd=here,
            capture_output=True,
            text=True,
            check=False,
        )

    with holdall.open(here / "files") as store:
        store.drive("media").put("x", REPORT)
        done = check()
        assert (done.returncode, done.stderr) == (0, "")
        assert "1 files, 1 versions, 1 blobs" in done.stdout
        (blob,) = (path for path in (store.path / "blob").rglob("*") if path.is_file())
        blob.chmod(0o600)
        blob.write_bytes(REPORT[::-1])
        done = check()
        assert done.returncode == 1
        assert "media:x" in done.stderr


def test_the_workers_page_celery(here: pathlib.Path) -> None:
    save("workers", here)
    (line,) = commands("workers", "celery")
    with holdall.open(here / "files") as store, (here / "log").open("wb") as log:
        alice = store.drive("alice")
        words = [f"word {number}" for number in range(20)]
        ids = [alice.put(f"in/{word}", word.encode()).id for word in words]
        code = (
            "import sys, tasks\n"
            "for word, id in zip(sys.argv[1::2], sys.argv[2::2]):\n"
            "    tasks.shout.delay(id, 'out/' + word)\n"
        )
        pairs = [text for pair in zip(words, ids, strict=True) for text in pair]
        # Before the worker begins: this broker's files may be read while they are written.
        subprocess.run([sys.executable, "-c", code, *pairs], cwd=here, check=True)
        worker = subprocess.Popen(
            [sys.executable, "-m", *shlex.split(line)], cwd=here, stdout=log, stderr=log
        )
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until and worker.poll() is None:
                try:
                    done = alice.list("out")
                except FileNotFoundError:
                    done = []
                if len(done) == len(words):
                    break
                time.sleep(0.1)
            assert len(done) == len(words), (here / "log").read_text()
            for word in words:
                assert alice.open(f"out/{word}").read() == word.upper().encode()
            assert "prefork" in (here / "log").read_text()
        finally:
            worker.terminate()
            worker.wait(30)
        assert store.check(content=True).is_sound


def test_the_workers_page_pool(here: pathlib.Path) -> None:
    save("workers", here)
    subprocess.run([sys.executable, "pool.py"], cwd=here, check=True)


def test_the_quick_start_runs(here: pathlib.Path) -> None:
    (code,) = (block for block in blocks("README") if name_of(block) is None)
    assert len(code.strip().splitlines()) <= 15
    subprocess.run([sys.executable, "-c", code], cwd=here, check=True)
    assert (here / "files" / "STORE").exists()


@pytest.mark.parametrize("command", [0, 1])
def test_the_api_page(here: pathlib.Path, server: Callable[..., str], command: int) -> None:
    save("api", here)
    client = here / "client.py"
    base = server(*words([*commands("api", "uvicorn"), *commands("api", "gunicorn")][command]))
    client.write_text(client.read_text().replace("http://127.0.0.1:8000", base))
    done = subprocess.run([sys.executable, "client.py"], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    (line,) = commands("api", "curl")
    answer = json.loads(typed(line, base, here))
    assert httpx.get(base + answer["data"]["urls"][0]["url"]).content == b"hello"
    refused = httpx.post(f"{base}/api/v4/file/url", json={"uris": ["cloudreve://my/hello.txt"]})
    assert refused.json()["code"] != 0
    with holdall.open(here / "files", create=False) as store:
        assert store.drive("alice").open("report.pdf").read() == REPORT


def test_the_api_page_without_a_server(here: pathlib.Path) -> None:
    save("api", here)
    subprocess.run([sys.executable, "call.py"], cwd=here, check=True)


RUN = {
    "README": {None, "app.py", "wsgi.py"},  # the last two in test_servers
    "aiohttp": {"service.py"},
    "api": {"asgi_site.py", "wsgi_site.py", "client.py", "call.py"},
    "django": {"mysite/settings.py", "mysite/urls.py"},
    "fastapi": {"main.py", "shared.py", "direct.py"},
    "flask": {"pages.py", "direct.py"},
    "litestar": {"service.py"},
    "quart": {"service.py"},
    "reference": set(),
    "tornado": {"service.py"},
    "sanic": {"service.py"},
    "workers": {"tasks.py", "pool.py"},
}


def test_no_block_and_no_page_is_left_out() -> None:
    assert {page: {name_of(block) for block in blocks(page)} for page in PAGES} == RUN
    for page in PAGES:
        fences = PAGES[page].read_text().count("```")
        known = len(blocks(page)) + len(blocks(page, "console"))
        assert fences == 2 * known, f"{page} has a block that is neither Python nor console"


TYPED = [
    ("README", "app.py"),
    ("README", "wsgi.py"),
    ("api", "call.py"),
    ("fastapi", "shared.py"),
    ("litestar", "service.py"),
    ("workers", "pool.py"),
]


@pytest.mark.parametrize(("page", "file"), TYPED)
def test_a_page_s_types_are_right(page: str, file: str, here: pathlib.Path) -> None:
    save(page, here)
    command = [sys.executable, "-m", "mypy", "--strict", file]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_a_page_installs_is_installed_here() -> None:
    for page in PAGES:
        for line in commands(page, "pip"):
            for name in line.partition("#")[0].split()[2:]:
                if re.fullmatch(r"[a-z-]+", name):
                    assert importlib.metadata.version(name), name
