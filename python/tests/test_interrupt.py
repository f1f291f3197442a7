"""Control-C in the middle of long work: it ends within 100 ms, and the store is clean."""

import pathlib
from collections.abc import Callable

import pytest

SETTING = """
import mmap, os, pathlib, signal, sys, threading, time
import holdall

path = pathlib.Path(sys.argv[1])
# Whoever runs the tests in the background may have had Control-C ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pressed_during(work, after):
    # A machine that is busy with something else may take long once; what waits does so always.
    tries = (interrupted(work, after) for _ in range(3))
    assert any(took < 0.1 for took in tries)


def interrupted(work, after):
    at = []

    def press():
        time.sleep(after)
        at.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    try:
        work()
    except KeyboardInterrupt:
        took = time.perf_counter() - at[0]
    else:
        raise AssertionError("it ended before Control-C came")
    return took


def is_clean(store):
    # What was being written is removed at once, or where the disk is slow a little later.
    until = time.monotonic() + 10
    while list((path / "spool").iterdir()) and time.monotonic() < until:
        time.sleep(0.01)
    assert not list((path / "spool").iterdir())
    store.drive("a").put("later", b"goes on")
    assert store.check(content=True).is_sound
"""

PUTS = {
    "iterable": "drive.put('x', (content for _ in range(100_000)))",
    "bytes": "drive.put('x', large)",
    "file": "drive.put('x', open('/dev/zero', 'rb'))",
    "path": "drive.put('x', pathlib.Path('/dev/zero'))",
    "pipe": "drive.put('x', pipe)",
    "many": "drive.put_many((str(n), os.urandom(4096)) for n in range(10_000_000))",
}


@pytest.mark.parametrize("name", PUTS)
def test_a_long_put_ends(tmp_path: pathlib.Path, run: Callable[..., str], name: str) -> None:
    code = f"""{SETTING}
with holdall.open(path) as store:
    drive = store.drive("a")
    content = bytes(1 << 20)
    large = mmap.mmap(-1, 4 << 30)
    pipe = path.with_name("pipe")
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    pressed_during(lambda: {PUTS[name]}, 0.15)
    assert not [row for row in drive.list() if row.name == "x"]
    is_clean(store)
"""
    run(code, str(tmp_path / "store"))


@pytest.mark.parametrize(
    "verb", ["check(content=True)", "repair()", "backup(path.with_name('b'))", "gc()"]
)
def test_a_long_job_ends(tmp_path: pathlib.Path, run: Callable[..., str], verb: str) -> None:
    # Several names of one file: as many bytes to read as it takes, and few to write.
    code = f"""{SETTING}
with holdall.open(path) as store:
    drive = store.drive("a")
    for number in range(6):
        drive.put(str(number), (os.urandom(8).ljust(1 << 20, b"-") for _ in range(64)))
    def work():
        while True:
            store.{verb}
    pressed_during(work, 0.1)
    is_clean(store)
"""
    run(code, str(tmp_path / "store"))


def test_signals_are_seen_while_content_becomes_durable(
    tmp_path: pathlib.Path, run: Callable[..., str]
) -> None:
    # The content is taken at once, so Control-C comes while it is hashed and synced.
    code = f"""{SETTING}
with holdall.open(path) as store:
    drive = store.drive("a")
    content = bytes(64 << 20)
    def work():
        while True:
            drive.put("y", [os.urandom(8), content])
    pressed_during(work, 1)
    is_clean(store)
"""
    run(code, str(tmp_path / "store"))
