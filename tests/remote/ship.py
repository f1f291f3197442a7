"""A store that is written to all the time is shipped by a process that is killed again and again; then the machine
is lost, and the store is restored. Run by `make remote`: `tests/remote/run.sh python3 tests/remote/ship.py HOLDALL`."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

COMMAND = str(Path(sys.argv[1]).resolve())
ADDRESS = os.environ["HOLDALL_TEST_OBJECTS"].replace("{}", "shipped")
KILLS = 12


def run(store, *words, check=True):
    done = subprocess.run([COMMAND, "--store", str(store), *words], capture_output=True, text=True, timeout=300)
    if check and done.returncode != 0:
        raise SystemExit(f"{words}: exit {done.returncode}: {done.stderr}")
    return done


def content(seed, length):
    return random.Random(seed).randbytes(length)


def write(store, source, put, stop):
    """Puts files until it is stopped; `put` has those that were acknowledged."""
    number = 0
    while not stop.is_set():
        length = 3_000_000 if number % 8 == 7 else 500 + number * 37 % 20_000
        source.write_bytes(content(number, length))
        run(store, "put", str(source), "--to", f"files/{number}")
        put[f"files/{number}"] = (number, length)
        number += 1


def same(store, put):
    """Returns the names that are not in a store as they were put."""
    wrong = []
    for name, (seed, length) in put.items():
        got = subprocess.run([COMMAND, "--store", str(store), "get", name], capture_output=True, timeout=60)
        if got.returncode != 0 or got.stdout != content(seed, length):
            wrong.append(name)
    return wrong


def main():
    room = Path(tempfile.mkdtemp(prefix="holdall-ship-"))
    store, put, stop = room / "store", {}, threading.Event()
    (room / "first").write_bytes(b"first")
    run(store, "put", str(room / "first"))
    writer = threading.Thread(target=write, args=(store, room / "source", put, stop))
    writer.start()
    times = []
    rng = random.Random(7)
    for _ in range(KILLS):
        shipper = subprocess.Popen([COMMAND, "--store", str(store), "ship", ADDRESS, "--every", "0s"],
                                   stdout=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.05, 1.2))
        assert shipper.poll() is None, f"the shipper ended with {shipper.returncode}"
        shipper.kill()
        shipper.wait()
    for _ in range(2):
        acknowledged = dict(put)
        shipped = json.loads(run(store, "--json", "ship", ADDRESS, "--once").stdout)
        times.append((shipped["time"], acknowledged))
        time.sleep(0.5)
    stop.set()
    writer.join()
    acknowledged = dict(put)
    run(store, "ship", ADDRESS, "--once")
    (room / "late").write_bytes(b"late")
    run(store, "put", str(room / "late"), "--to", "late")
    shutil.rmtree(store)

    restored = room / "restored"
    print(run(restored, "restore", "--from", ADDRESS).stdout.strip())
    run(restored, "check", "--content")
    assert not (wrong := same(restored, acknowledged)), wrong
    # The control: what was not shipped is missed.
    assert same(restored, {"late": (0, 4)}) == ["late"]
    for number, (when, acknowledged) in enumerate(times):
        earlier = room / f"earlier{number}"
        run(earlier, "restore", "--from", ADDRESS, "--at", when)
        assert not (wrong := same(earlier, acknowledged)), wrong
        there = json.loads(run(earlier, "--json", "stats").stdout)["files"]
        assert there < len(put) + 1, "it is not of an earlier time"
    print(f"{len(put)} files of {KILLS} killed shippers were restored")
    shutil.rmtree(room)


main()
