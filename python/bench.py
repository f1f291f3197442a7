"""Measures the package against what is in use today; each ratio is of one run.

    pip install '.[bench]' && python python/bench.py [--rows NAME,...] [directory]

Use a release build, and a directory on the disk that counts. Each row is printed as `make bench`
does: the ratio to what it is measured against, the ratio to reach, and what it took; the best of
some rounds that take turns, of the slow ones the median. The servers are real ones in processes of
their own, and curl and wrk are their clients; one server answers for both sides of a row.
"""

import argparse
import hashlib
import json
import os
import pathlib
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from statistics import median
from typing import Literal

import boto3
import diskcache
import zipstream  # noqa: F401  (the served module uses it)
from botocore.config import Config
from django.conf import settings
from django.core.signing import TimestampSigner
from itsdangerous import URLSafeTimedSerializer

import holdall
from holdall._holdall import _nothing

PEERS = [
    "boto3", "diskcache", "django", "gunicorn", "itsdangerous", "starlette", "uvicorn",
    "zipstream-ng",
]  # fmt: skip
FILES = 10_000
CONTENT = [hashlib.shake_256(str(number).encode()).digest(4096) for number in range(FILES)]
GIBIBYTE = 1 << 30
MODES: tuple[Literal["shared"], Literal["exclusive"]] = ("shared", "exclusive")

SERVED = """
import os, pathlib, zipstream
import holdall, holdall.asgi, holdall.wsgi
from starlette.applications import Starlette
from starlette.responses import FileResponse, StreamingResponse
from starlette.routing import Mount, Route

folder = pathlib.Path(os.environ["BENCH_FOLDER"])
store = holdall.open(folder / "store")
ours = holdall.wsgi.App(store)


async def file(request):
    return FileResponse(folder / request.path_params["path"])


async def archive(_request):
    return StreamingResponse(zipstream.ZipStream.from_path(folder / "files"))


asgi = Starlette(
    routes=[
        Route("/plain/{path:path}", file),
        Route("/zip", archive),
        Mount("/", holdall.asgi.App(store)),
    ]
)


def wsgi(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/plain/"):
        found = folder / path[7:]
        start_response("200 OK", [("Content-Length", str(os.stat(found).st_size))])
        return environ["wsgi.file_wrapper"](open(found, "rb"), 256 << 10)
    if path == "/zip":
        start_response("200 OK", [])
        return zipstream.ZipStream.from_path(folder / "files")
    return ours(environ, start_response)
"""

DJANGO = """
import os, pathlib
import holdall.django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse
from django.urls import path

folder = pathlib.Path(os.environ["BENCH_FOLDER"])
options = {"path": folder / "store", "drive": "bench", "base_url": "/"}
settings.configure(
    SECRET_KEY="secret",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    STORAGES={"default": {"BACKEND": "holdall.django.Storage", "OPTIONS": options}},
)


def file(_request, path):
    return FileResponse(open(folder / path, "rb"))


urlpatterns = [path("plain/<path:path>", file), path("<path:path>", holdall.django.serve)]
asgi = get_asgi_application()
wsgi = get_wsgi_application()
"""


def best(work: Callable[[], object], times: int = 1) -> float:
    """Seconds of one call: the best of five."""
    found = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(times):
            work()
        found = min(found, (time.perf_counter() - began) / times)
    return found


def once(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def each(items: Iterable[object]) -> None:
    """Takes items one by one and keeps none: memory that grows would be measured, too."""
    for item in items:
        assert item is not None


def tell(
    row: str,
    work: str,
    peer: str,
    ratio: float,
    want: float | None,
    shown: str,
    most: bool = False,
) -> None:
    """Prints a row: the ratio, which is to be at least, or at most, what is wanted."""
    reach = verdict = ""
    if want is not None:
        reach = f"{'<=' if most else '>='} {want:g}"
        verdict = "ok" if (ratio <= want if most else ratio >= want) else "SHORT"
    print(
        f"| {row} | Python: {work} | {peer} | {ratio:.2f} | {reach} | {verdict} | {shown} |",
        flush=True,
    )


def signing(folder: pathlib.Path) -> None:
    serializer = URLSafeTimedSerializer("secret")
    claims = {"version": "v4g01", "name": "x.pdf"}
    token = serializer.dumps(claims)
    signer = TimestampSigner(key="secret")
    signed = signer.sign("/v4g01/x.pdf")
    client = boto3.client(
        "s3",
        aws_access_key_id="x",
        aws_secret_access_key="y",
        region_name="us-east-1",
        config=Config(signature_version="s3v4"),
    )
    params = {"Bucket": "bucket", "Key": "x.pdf"}

    def measured(mode: Literal["shared", "exclusive"]) -> None:
        with holdall.open(folder / mode, mode=mode) as store:
            version = store.drive("bench").put("x.pdf", b"hello")
            url = store.url(version, expires=3600)
            boto = best(lambda: client.generate_presigned_url("get_object", Params=params), 200)
            dumps = best(lambda: serializer.dumps(claims), 2000)
            loads = best(lambda: serializer.loads(token, max_age=60), 2000)
            by_django = best(lambda: signer.sign("/v4g01/x.pdf"), 2000)
            to_django = best(lambda: signer.unsign(signed, max_age=60), 2000)
            nothing = best(lambda: _nothing(store, version, expires=3600), 20_000)
            sign = best(lambda: store.url(version, expires=3600), 5000)
            verify = best(lambda: store.verify(url), 5000)

        def row(work: str, took: float, peer: str, theirs: float, want: float | None) -> None:
            shown = f"{took * 1e6:.2f} and {theirs * 1e6:.1f} us"
            tell("17", f"{work}, {mode}", peer, theirs / took, want, shown)

        row("sign a URL", sign, "itsdangerous", dumps, 15)
        row("sign a URL", sign, "Django's TimestampSigner", by_django, None)
        row("sign a URL", sign, "boto3 (S3)", boto, 150)
        row("verify a URL", verify, "itsdangerous", loads, 15)
        row("verify a URL", verify, "Django's TimestampSigner", to_django, None)
        shown = f"{sign * 1e6:.2f} and {nothing * 1e6:.2f} us"
        more = (sign - nothing) * 1e6
        tell("17", f"sign a URL, {mode}, us more", "a call that does nothing", more, 2, shown, True)

    for mode in MODES:
        measured(mode)


def put_round(place: pathlib.Path, mode: Literal["shared", "exclusive"]) -> tuple[float, ...]:
    """Seconds of put_many and reading back, of diskcache and reading back, and by hand."""
    items = {f"f/{at:05}": content for at, content in enumerate(CONTENT)}
    with holdall.open(place / "store", mode=mode) as store:
        drive = store.drive("many")
        put = once(lambda: drive.put_many(items))
        read = once(lambda: each(drive.open(name).read() for name in items))
    with diskcache.Cache(str(place / "cache")) as cache:
        cached = once(lambda: each(cache.set(at, content) for at, content in enumerate(CONTENT)))
        got = once(lambda: each(cache.get(at) for at in range(FILES)))

    def by_hand() -> None:
        for at, content in enumerate(CONTENT[:500]):
            with (place / "part").open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            (place / "part").rename(place / f"{at:05}")

    return put, read, cached, got, once(by_hand) * FILES / 500


def ratio(rounds: list[tuple[float, ...]], theirs: int, ours: int) -> float:
    """The median over the rounds, whose two sides met the same disk and the same neighbours."""
    return median(times[theirs] / times[ours] for times in rounds)


def putting(folder: pathlib.Path) -> None:
    for mode in MODES:
        rounds = []
        for number in range(7):
            place = folder / f"{mode}{number}"
            place.mkdir()
            rounds.append(put_round(place, mode))
            shutil.rmtree(place)
        put, read, cached, got, by_hand = map(median, zip(*rounds, strict=True))
        work = f"put {FILES} files durably, {mode}"
        shown = f"{put:.3f} and {by_hand:.1f} s"
        tell("20", work, "open + write + fsync + rename", ratio(rounds, 4, 0), 20, shown)
        shown = f"{put:.3f} and {cached:.3f} s"
        tell("20", work, "diskcache (does not sync)", ratio(rounds, 2, 0), 3, shown)
        shown = f"{read:.3f} and {got:.3f} s"
        tell("20", f"read them back, {mode}", "diskcache", ratio(rounds, 3, 1), 2, shown)


def listens(port: int) -> bool:
    """Returns whether something listens on a port."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as wire:
            # A connection to a port that nobody listens on can meet itself.
            return bool(wire.getsockname() != wire.getpeername())
    except OSError:
        return False


@contextmanager
def server(folder: pathlib.Path, *command: str) -> Iterator[str]:
    """Runs a server on a free port."""
    (folder / "served.py").write_text(SERVED)
    (folder / "served_django.py").write_text(DJANGO)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    words = [word.replace("PORT", port) for word in command]
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=os.environ | {"BENCH_FOLDER": str(folder)},
        stdout=(folder / "log").open("ab"),
        stderr=subprocess.STDOUT,
    )
    try:
        while not listens(int(port)):
            assert process.poll() is None, f"{command[0]} did not start"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    except subprocess.CalledProcessError:
        print((folder / "log").read_text(), process.poll(), file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait(20)


def fetched(url: str) -> tuple[float, float]:
    """Bytes a second of a download, and seconds to its first byte."""
    form = "%{size_download} %{time_starttransfer} %{time_total} %{http_code}"
    answer = subprocess.check_output(
        ["curl", "-s", "-o", os.devnull, "-w", form, url], text=True
    ).split()
    assert answer[3] == "200", answer
    return float(answer[0]) / float(answer[2]), float(answer[1])


def requests(base: str, targets: list[str], folder: pathlib.Path) -> float:
    """Requests a second that are answered, of 8 clients that take turns with the targets."""
    listed = ",".join(json.dumps(target) for target in targets)
    script = folder / "wrk.lua"
    script.write_text(
        f"local t={{{listed}}}\nlocal n=0\n"
        "function request() n=n%#t+1 return wrk.format(nil,t[n]) end\n"
        "function done(s) io.write(string.format("
        "'%d %d %d\\n', s.requests, s.duration, s.errors.status)) end\n"
    )
    command = ["wrk", "-t1", "-c8", "-d2s", "-s", str(script), base]
    said = subprocess.check_output(command, text=True).splitlines()[-1]
    count, micros, failed = map(int, said.split())
    assert count
    assert not failed, f"{failed} of {count} requests failed"
    return count / micros * 1e6


SERVERS = {
    "uvicorn": ["uvicorn", "MODULE:asgi", "--port", "PORT", "--log-level", "error"],
    "gunicorn": ["gunicorn", "MODULE:wsgi", "--bind", "127.0.0.1:PORT"],
}


def of(name: str, module: str) -> list[str]:
    """The command of a server that serves a module."""
    return [word.replace("MODULE", module) for word in SERVERS[name]]


def archiving(folder: pathlib.Path) -> None:
    (folder / "files").mkdir(exist_ok=True)
    for at, content in enumerate(CONTENT):
        (folder / "files" / f"{at:05}").write_bytes(content)
    with holdall.open(folder / "store") as store:
        drive = store.drive("many")
        drive.put_many({f"f/{at:05}": content for at, content in enumerate(CONTENT)})
        url = drive.archive(["f"], expires=600)
    for name in SERVERS:
        with server(folder, *of(name, "served")) as base:
            first = fetched(base + url)[1] * 1e3
            rounds = [(*fetched(base + url), *fetched(base + "/zip")) for _ in range(7)]
        speed, wait, their_speed, their_wait = map(median, zip(*rounds, strict=True))
        work = f"zip {FILES} files by {name}"
        shown = f"{speed / 1e6:.0f} and {their_speed / 1e6:.0f} MB/s"
        ratios = [one[0] / one[2] for one in rounds]
        tell("12", work, "zipstream-ng", median(ratios), 10, shown)
        shown = f"{wait * 1e3:.1f} and {their_wait * 1e3:.0f} ms; {first:.1f} ms at first"
        ratios = [one[3] / one[1] for one in rounds]
        tell("14", f"first byte of it by {name}", "zipstream-ng", median(ratios), 100, shown)


REPLIES = {
    ("uvicorn", "served"): "Starlette's FileResponse",
    ("gunicorn", "served"): "gunicorn's file_wrapper",
    ("uvicorn", "served_django"): "Django's FileResponse",
    ("gunicorn", "served_django"): "Django's FileResponse",
}


def downloading(folder: pathlib.Path) -> None:
    block = os.urandom(1 << 20)
    with (folder / "large").open("wb") as file:
        for _ in range(GIBIBYTE >> 20):
            file.write(block)
    small = [f"{at:05}" for at in range(1000)]
    for name, content in zip(small, CONTENT, strict=False):
        (folder / name).write_bytes(content)
    with holdall.open(folder / "store") as store:
        drive = store.drive("bench")
        large = store.url(drive.put("large", folder / "large"), expires=3600)
        drive.put_many(dict(zip(small, CONTENT, strict=False)))
        urls = [drive.url(name, expires=3600) for name in small]
    for (name, module), peer in REPLIES.items():
        with server(folder, *of(name, module)) as base:
            fetched(base + large)
            rounds = [
                (fetched(base + large)[0], fetched(f"{base}/plain/large")[0]) for _ in range(5)
            ]
            plain = [f"/plain/{one}" for one in small]
            asked = [
                (requests(base, urls, folder), requests(base, plain, folder)) for _ in range(5)
            ]
        by = f"{name} (Django)" if module == "served_django" else name
        own, their = map(median, zip(*rounds, strict=True))
        shown = f"{own / 1e6:.0f} and {their / 1e6:.0f} MB/s"
        ratios = [own / their for own, their in rounds]
        tell("-", f"send 1 GiB by {by}", peer, median(ratios), 1, shown)
        own, their = map(median, zip(*asked, strict=True))
        shown = f"{own:.0f} and {their:.0f} requests/s"
        ratios = [own / their for own, their in asked]
        tell("-", f"send 4 KiB by {by}", peer, median(ratios), 1, shown)


ROWS = {"sign": signing, "put": putting, "archive": archiving, "download": downloading}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the package.")
    parser.add_argument("directory", nargs="?", type=pathlib.Path)
    parser.add_argument("--rows", default=",".join(ROWS))
    asked = parser.parse_args()
    for tool in ("curl", "wrk"):
        if shutil.which(tool) is None:
            parser.error(f"{tool} is missing; install it: apt-get install {tool}")
    settings.configure()
    said = ", ".join(f"{name} {version(name)}" for name in PEERS)
    print(f"versions: Python {platform.python_version()}, {said}", flush=True)
    for name in asked.rows.split(","):
        with tempfile.TemporaryDirectory(dir=asked.directory) as folder:
            ROWS[name](pathlib.Path(folder))


if __name__ == "__main__":
    main()
