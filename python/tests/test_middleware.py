"""Middlewares that compress, cache and compare tags: what is downloaded stays what was stored."""

import pathlib
from collections.abc import Callable

import httpx
import pytest
from hosts import SERVERS
from test_pages import project

import holdall

MIDDLEWARE = """
MIDDLEWARE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]
"""


def test_middlewares_leave_content_as_it_is(
    tmp_path: pathlib.Path, server: Callable[..., str]
) -> None:
    project(tmp_path)
    with (tmp_path / "mysite" / "settings.py").open("a") as file:
        file.write(MIDDLEWARE)
    with holdall.open(tmp_path / "files", base_url="/media/") as store:
        media = store.drive("media")
        text = {size: (b"all the same " * size)[:size] for size in (1000, 70_000, 3 << 20)}
        urls = {
            store.url(media.put(f"{size}.txt", content)): content for size, content in text.items()
        }
        once = store.url(media.versions("1000.txt")[0], max_requests=1)
    for kind in ("gunicorn", "waitress"):
        command = [word.replace("apps:wsgi", "mysite.wsgi") for word in SERVERS[kind]]
        if kind == "waitress":
            command[-1] = "mysite.wsgi:application"
        unchanged(server(*command), urls)
    base = server("uvicorn", "mysite.asgi:application", "--lifespan", "off", "--port", "PORT")
    unchanged(base, urls)
    assert [httpx.get(base + once).status_code for _ in range(2)] == [200, 410]


def unchanged(base: str, urls: dict[str, bytes]) -> None:
    """Asks as browsers do: everything may be compressed, twice, and resumed."""
    with httpx.Client(base_url=base, headers={"Accept-Encoding": "gzip, br, zstd"}) as client:
        for url, content in urls.items():
            first = client.get(url)
            not_modified = client.get(url, headers={"If-None-Match": first.headers["etag"]})
            assert (not_modified.status_code, not_modified.content) == (304, b"")
            for got in (first, client.get(url)):
                assert got.content == content
                assert got.headers["content-length"] == str(len(content))
                assert "content-encoding" not in got.headers
            tag = {"Range": "bytes=10-899", "If-Range": first.headers["etag"]}
            part = client.get(url, headers=tag)
            assert (part.status_code, part.content) == (206, content[10:900])
            assert "content-encoding" not in part.headers
            head = client.head(url)
            assert head.headers["content-length"] == str(len(content))


FLASK = """
import flask, holdall
from flask_compress import Compress
from holdall.flask import store_response

store = holdall.open("files")
wsgi = flask.Flask(__name__)
Compress(wsgi)

@wsgi.get("/<path:path>")
def download(path):
    return store_response(store, flask.request)
"""

STARLETTE = """
import holdall, holdall.asgi
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount

async def passed(request, call_next):
    return await call_next(request)

store = holdall.open("files")
asgi = Starlette(
    routes=[Mount("/", holdall.asgi.App(store))],
    middleware=[Middleware(GZipMiddleware), Middleware(BaseHTTPMiddleware, dispatch=passed)],
)
"""


@pytest.fixture
def urls(tmp_path: pathlib.Path) -> dict[str, bytes]:
    """Contents that compress well, by their URLs."""
    with holdall.open(tmp_path / "files") as store:
        alice = store.drive("alice")
        text = {size: (b"all the same " * size)[:size] for size in (1000, 70_000, 3 << 20)}
        return {
            store.url(alice.put(f"{size}.txt", content)): content for size, content in text.items()
        }


@pytest.mark.parametrize("name", ["gunicorn", "waitress"])
def test_flask_compress_leaves_content_as_it_is(
    name: str, tmp_path: pathlib.Path, server: Callable[..., str], urls: dict[str, bytes]
) -> None:
    (tmp_path / "apps.py").write_text(FLASK)
    unchanged(server(*SERVERS[name]), urls)


@pytest.mark.parametrize("name", ["uvicorn-h11", "granian-asgi"])
def test_starlette_compresses_no_part(
    name: str, tmp_path: pathlib.Path, server: Callable[..., str], urls: dict[str, bytes]
) -> None:
    (tmp_path / "apps.py").write_text(STARLETTE)
    base = server(*SERVERS[name])
    with httpx.Client(base_url=base, headers={"Accept-Encoding": "gzip"}) as client:
        for url, content in urls.items():
            got = client.get(url)
            assert got.content == content
            again = client.get(url, headers={"If-None-Match": got.headers["etag"]})
            assert again.status_code == 304
            part = client.get(url, headers={"Range": "bytes=10-899"})
            assert (part.status_code, part.content) == (206, content[10:900])
            assert "content-encoding" not in part.headers
