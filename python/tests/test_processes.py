"""Threads, forks, signals and the end of the interpreter."""

import concurrent.futures
import fcntl
import multiprocessing
import os
import pathlib
import signal
import threading
import time
from collections.abc import Callable

import pytest

import holdall


def test_threads_share_a_store(alice: holdall.Drive, store: holdall.Store) -> None:
    def work(worker: int) -> None:
        for number in range(20):
            version = alice.put(f"{worker}/{number}", f"{worker} {number}".encode())
            url = store.url(version)
            assert bytes(store.serve("GET", url).body) == f"{worker} {number}".encode()
            alice.put("shared", f"{worker} {number}".encode())
            alice.list(str(worker))

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(work, worker) for worker in range(8)]:
            done.result()
    assert len(alice.versions("shared")) == 160
    assert store.check(content=True).is_sound


def test_the_gil_is_free_while_bytes_are_hashed(alice: holdall.Drive) -> None:
    content = bytes(200 << 20)
    counted, stop = 0, threading.Event()

    def count() -> None:
        nonlocal counted
        while not stop.is_set():
            counted += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    began = time.perf_counter()
    alice.put("x", content)
    took = time.perf_counter() - began
    stop.set()
    thread.join()
    # A thread that had to wait for whole blocks would count some 20 a second.
    assert counted > took * 50, (counted, took)


def test_one_body_iterated_by_many_threads_gives_each_chunk_once(alice: holdall.Drive) -> None:
    alice.put("x", os.urandom(8 << 20))
    chunks = alice.open("x").body.chunks(64 << 10)
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: sum(len(chunk) for chunk in chunks), range(8)))
    assert sum(taken) == 8 << 20


def in_child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("rounds", [3])
def test_a_forked_child_goes_on(alice: holdall.Drive, store: holdall.Store, rounds: int) -> None:
    alice.put("before", b"before")
    url = store.url(alice.versions("before")[0])
    opened = alice.open("before")

    for number in range(rounds):

        def work(number: int = number) -> None:
            assert opened.read() == b"before"
            assert bytes(store.serve("GET", url).body) == b"before"
            alice.put(f"child {number}", b"child")
            store.close()

        assert in_child(work) == 0
        opened.seek(0)
        alice.put(f"parent {number}", b"parent")
    names = [row.name for row in alice.list()]
    assert names == [
        "before",
        *(f"child {number}" for number in range(rounds)),
        *(f"parent {number}" for number in range(rounds)),
    ]
    assert store.check(content=True).is_sound


def test_parent_and_children_write_at_once(alice: holdall.Drive, store: holdall.Store) -> None:
    children = []
    for worker in range(3):
        child = os.fork()
        if child == 0:
            try:
                for number in range(10):
                    alice.put(f"{worker}/{number}", os.urandom(100))
                os._exit(0)
            except BaseException:
                os._exit(1)
        children.append(child)
    for number in range(10):
        alice.put(f"parent/{number}", os.urandom(100))
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    assert sum(not row.is_folder for _, row in alice.walk()) == 40
    assert store.check(content=True).is_sound


def put_in_worker(store: holdall.Store, name: str) -> str:
    return store.drive("alice").put(name, name.encode()).id


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(store: holdall.Store, alice: holdall.Drive, method: str) -> None:
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        names = [f"{method} {number}" for number in range(6)]
        ids = pool.starmap(put_in_worker, [(store, name) for name in names])
    assert [store.open_version(id).read().decode() for id in ids] == names
    assert [row.name for row in alice.list()] == names


@pytest.mark.parametrize("mode", ["shared", "exclusive"])
def test_an_interpreter_that_ends_with_a_store_open_loses_nothing(
    tmp_path: pathlib.Path, run: Callable[..., str], mode: str
) -> None:
    code = """
import sys, threading, time
import holdall
store = holdall.open(sys.argv[1], mode=sys.argv[2])
drive = store.drive("a")
for number in range(10):
    drive.put(str(number), b"x")
link = drive.link("1")
assert store.serve("GET", link.url).status == 200
file = drive.open("1")
def work():
    while True:
        drive.put("busy", b"y" * (2 << 20))
threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
print(link.id)
"""
    link = run(code, str(tmp_path / "s"), mode)
    with holdall.open(tmp_path / "s") as store:
        assert len(store.drive("a").list()) == 11
        assert store.link(link).downloads == 1
        assert store.check(content=True).is_sound


def test_signals_reach_handlers_during_a_put(alice: holdall.Drive) -> None:
    seen = []
    previous = signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        alice.put("x", bytes(100 << 20))
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert seen == [1]


def test_a_handle_is_thrown_away_while_another_store_is_being_opened(
    tmp_path: pathlib.Path,
) -> None:
    # As by another process that is opening it: who opens it here waits.
    slow = holdall.open(tmp_path / "slow")
    slow.close()
    other = holdall.open(tmp_path / "other")
    with (tmp_path / "slow" / "LOCK").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            opening = threads.submit(holdall.open, tmp_path / "slow", lock_timeout=30)
            time.sleep(0.2)
            del other
            reopened = holdall.open(tmp_path / "other", mode="exclusive")
            waits = not opening.done()
            fcntl.flock(lock, fcntl.LOCK_UN)
            opening.result().close()
    reopened.close()
    assert waits


def test_the_last_handle_closes_the_store_whoever_has_it(tmp_path: pathlib.Path) -> None:
    one, two = holdall.open(tmp_path / "s"), holdall.open(tmp_path / "s")
    alice = two.drive("alice")
    one.close()
    alice.put("x", b"x")
    del two
    assert alice.open("x").read() == b"x"
    del alice
    holdall.open(tmp_path / "s", mode="exclusive").close()
