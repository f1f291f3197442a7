"""Measures the package against what is in use today; each ratio is of one run.

    python python/bench.py [directory]

Compares where they are installed: itsdangerous, diskcache, zipstream-ng. Use a release build.
"""

import hashlib
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable

import holdall

FILES = 10_000
CONTENT = [hashlib.shake_256(str(number).encode()).digest(4096) for number in range(FILES)]


def timed(work: Callable[[], object], times: int = 1) -> float:
    """Seconds of one call: the best of three."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(times):
            work()
        best = min(best, (time.perf_counter() - began) / times)
    return best


def once(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def tell(what: str, seconds: float, against: dict[str, float]) -> None:
    print(f"{what}: {seconds * 1e6:,.1f} us")
    for name, other in against.items():
        print(f"    {name}: {other * 1e6:,.1f} us, {other / seconds:.1f} times as long")


def signing(store: holdall.Store) -> None:
    version = store.drive("bench").put("x.pdf", b"hello")
    url = store.url(version)
    against = {"an empty call": timed(lambda: store.closed, 10_000)}
    verify = {}
    try:
        from itsdangerous import URLSafeTimedSerializer
    except ImportError:
        pass
    else:
        serializer = URLSafeTimedSerializer("secret")
        claims = {"version": version.id, "name": "x.pdf"}
        token = serializer.dumps(claims)
        against["itsdangerous"] = timed(lambda: serializer.dumps(claims), 2000)
        verify["itsdangerous"] = timed(lambda: serializer.loads(token, max_age=60), 2000)
    tell("url", timed(lambda: store.url(version, expires=3600), 2000), against)
    tell("verify", timed(lambda: store.verify(url), 2000), verify)


def putting(store: holdall.Store, folder: pathlib.Path) -> None:
    drive = store.drive("many")
    items = {f"f/{number:05}": content for number, content in enumerate(CONTENT)}

    def by_hand() -> None:
        for number, content in enumerate(CONTENT[:200]):
            with (folder / "part").open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            (folder / "part").rename(folder / f"{number:05}")

    against = {"open, write, fsync, rename": once(by_hand) * FILES / 200}
    read = {}
    try:
        import diskcache
    except ImportError:
        pass
    else:
        cache = diskcache.Cache(str(folder / "cache"))
        against["diskcache, unsynced"] = once(
            lambda: [cache.set(str(n), content) for n, content in enumerate(CONTENT)]
        )
        read["diskcache"] = once(lambda: [cache.get(str(number)) for number in range(FILES)])
    tell(f"put_many of {FILES} files of 4 KiB", once(lambda: drive.put_many(items)), against)
    tell("reading them", once(lambda: [drive.open(path).read() for path in items]), read)


def archiving(store: holdall.Store) -> None:
    drive = store.drive("many")
    url = drive.archive(["f"], expires=60)
    began = time.perf_counter()
    chunks = iter(store.serve("GET", url).body)
    size = len(next(chunks))
    first = time.perf_counter() - began
    size += sum(len(chunk) for chunk in chunks)
    took = time.perf_counter() - began
    print(f"archive of them: {size / took / 1e6:,.0f} MB/s, first byte after {first * 1e3:.2f} ms")
    try:
        from zipstream import ZipStream
    except ImportError:
        return
    stream = ZipStream()
    for path in (row.name for row in drive.list("f")):
        stream.add(drive.open(f"f/{path}").read(), path)
    other = once(lambda: sum(len(chunk) for chunk in stream))
    print(f"    zipstream-ng: {size / other / 1e6:,.0f} MB/s, {other / took:.1f} times as long")


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = pathlib.Path(name)
        with holdall.open(folder / "store", mode="exclusive") as store:
            signing(store)
            putting(store, folder)
            archiving(store)


if __name__ == "__main__":
    main()
