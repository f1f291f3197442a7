"""Measures the package against what is in use today; each ratio is of one run.

    pip install '.[bench]' && python python/bench.py [--rows NAME,...] [directory]

Use a release build, and a directory on the disk that counts. Each row prints what it took, the
ratio to what it is measured against, and the ratio to reach; the best of some rounds that take
turns, of the slow ones the median. The servers are real ones in processes of their own, and
curl is their client.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Literal

import boto3
import diskcache
import zipstream  # noqa: F401  (the served module uses it)
from botocore.config import Config
from itsdangerous import URLSafeTimedSerializer

import holdall
from holdall._holdall import _nothing

FILES = 10_000
CONTENT = [hashlib.shake_256(str(number).encode()).digest(4096) for number in range(FILES)]
GIBIBYTE = 1 << 30
MODES: tuple[Literal["shared"], Literal["exclusive"]] = ("shared", "exclusive")

SERVED = """
import os, pathlib, zipstream
import holdall, holdall.asgi, holdall.wsgi
from starlette.applications import Starlette
from starlette.responses import FileResponse, StreamingResponse
from starlette.routing import Route

folder = pathlib.Path(os.environ["BENCH_FOLDER"])
store = holdall.open(folder / "store")
asgi = holdall.asgi.App(store)
wsgi = holdall.wsgi.App(store)


async def file(_request):
    return FileResponse(folder / "plain")


async def archive(_request):
    return StreamingResponse(zipstream.ZipStream.from_path(folder / "files"))


others_asgi = Starlette(routes=[Route("/file", file), Route("/zip", archive)])


def others_wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/file":
        length = os.stat(folder / "plain").st_size
        start_response("200 OK", [("Content-Length", str(length))])
        return environ["wsgi.file_wrapper"](open(folder / "plain", "rb"), 256 << 10)
    start_response("200 OK", [])
    return zipstream.ZipStream.from_path(folder / "files")
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


def tell(what: str, ratio: float, want: float, shown: str, most: bool = False) -> None:
    """Prints a row: the ratio, which is to be at least, or at most, what is wanted."""
    reached = ratio <= want if most else ratio >= want
    sign = "<=" if most else ">="
    print(f"{what}: {ratio:.2f} ({sign} {want:g}: {'reached' if reached else 'SHORT'}); {shown}")


def signing(folder: pathlib.Path) -> None:
    serializer = URLSafeTimedSerializer("secret")
    claims = {"version": "v4g01", "name": "x.pdf"}
    token = serializer.dumps(claims)
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
            nothing = best(lambda: _nothing(store, version, expires=3600), 20_000)
            sign = best(lambda: store.url(version, expires=3600), 5000)
            verify = best(lambda: store.verify(url), 5000)
        shown = f"{sign * 1e6:.2f} us to"
        tell(f"url, {mode}, itsdangerous", dumps / sign, 10, f"{shown} {dumps * 1e6:.1f} us")
        tell(f"url, {mode}, boto3", boto / sign, 100, f"{shown} {boto * 1e6:.0f} us")
        beyond = f"{shown} {nothing * 1e6:.2f} us"
        tell(f"url, {mode}, us beyond a call", (sign - nothing) * 1e6, 2, beyond, most=True)
        shown = f"{verify * 1e6:.2f} us to"
        tell(f"verify, {mode}, itsdangerous", loads / verify, 10, f"{shown} {loads * 1e6:.1f} us")
        tell(f"verify, {mode}, boto3", boto / verify, 100, f"{shown} {boto * 1e6:.0f} us")

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
        shown = f"{FILES} x 4 KiB in {put:.3f} s, by hand {by_hand:.1f} s"
        tell(f"put_many, {mode}, open+write+fsync+rename", ratio(rounds, 4, 0), 20, shown)
        tell(f"put_many, {mode}, diskcache", ratio(rounds, 2, 0), 3, f"to {cached:.3f} s")
        tell(f"read back, {mode}, diskcache", ratio(rounds, 3, 1), 2, f"{read:.3f} to {got:.3f} s")


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


def uvicorn(app: str) -> list[str]:
    return ["uvicorn", f"served:{app}", "--port", "PORT", "--log-level", "error"]


def gunicorn(app: str) -> list[str]:
    return ["gunicorn", f"served:{app}", "--bind", "127.0.0.1:PORT"]


KINDS = {"uvicorn": (uvicorn, "asgi"), "gunicorn": (gunicorn, "wsgi")}


def archiving(folder: pathlib.Path) -> None:
    (folder / "files").mkdir(exist_ok=True)
    for at, content in enumerate(CONTENT):
        (folder / "files" / f"{at:05}").write_bytes(content)
    with holdall.open(folder / "store") as store:
        drive = store.drive("many")
        drive.put_many({f"f/{at:05}": content for at, content in enumerate(CONTENT)})
        for name, (command, kind) in KINDS.items():
            with (
                server(folder, *command(kind)) as ours,
                server(folder, *command(f"others_{kind}")) as theirs,
            ):
                url = drive.archive(["f"], expires=600)
                first = fetched(ours + url)
                own, other = [], []
                for _ in range(5):
                    own.append(fetched(ours + url))
                    other.append(fetched(f"{theirs}/zip"))
            speed, theirs_speed = max(s for s, _ in own), max(s for s, _ in other)
            shown = f"{speed / 1e6:.0f} to {theirs_speed / 1e6:.0f} MB/s"
            tell(f"archive through {name}, zipstream-ng", speed / theirs_speed, 10, shown)
            tell(
                f"archive through {name}, ms to the first byte",
                min(wait for _, wait in own) * 1e3,
                10,
                f"{first[1] * 1e3:.1f} ms when the process sees it first",
                most=True,
            )


def downloading(folder: pathlib.Path) -> None:
    block = os.urandom(1 << 20)
    with (folder / "plain").open("wb") as file:
        for _ in range(GIBIBYTE >> 20):
            file.write(block)
    with holdall.open(folder / "store") as store:
        version = store.drive("bench").put("plain", folder / "plain")
        url = store.url(version, expires=3600)
        for name, (command, kind) in KINDS.items():
            with (
                server(folder, *command(kind)) as ours,
                server(folder, *command(f"others_{kind}")) as theirs,
            ):
                own, other = [], []
                for _ in range(5):
                    own.append(fetched(ours + url)[0])
                    other.append(fetched(f"{theirs}/file")[0])
            against = "FileResponse" if kind == "asgi" else "its file_wrapper"
            shown = f"{max(own) / 1e6:.0f} to {max(other) / 1e6:.0f} MB/s"
            tell(f"1 GiB through {name}, {against}", max(own) / max(other), 1, shown)
    (folder / "plain").unlink()


ROWS = {"sign": signing, "put": putting, "archive": archiving, "download": downloading}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the package.")
    parser.add_argument("directory", nargs="?", type=pathlib.Path)
    parser.add_argument("--rows", default=",".join(ROWS))
    asked = parser.parse_args()
    if shutil.which("curl") is None:
        parser.error("curl is missing; install it: apt-get install curl")
    for name in asked.rows.split(","):
        with tempfile.TemporaryDirectory(dir=asked.directory) as folder:
            ROWS[name](pathlib.Path(folder))


if __name__ == "__main__":
    main()
