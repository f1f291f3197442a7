"""Two hosts serve and change one store, whose rows are in PostgreSQL and whose contents are in SeaweedFS; one of them
is killed in the middle of its work. Run by `make demo-cluster`: `tests/remote/run.sh python3 tests/remote/demo.py
HOLDALL TREE`. It fails if anything that was acknowledged is not there, to the byte."""

import hashlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

COMMAND, TREE = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
STORE = os.environ["HOLDALL_TEST_STORE"].replace("{}", "demo")
ROOM = Path(tempfile.mkdtemp(prefix="holdall-demo-"))
BIG = 64 << 20


def say(text):
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)


class Host:
    """A machine: a server, and the command, with a cache of their own."""

    def __init__(self, name):
        self.name, self.dead = name, False
        self.store = re.sub(r"cache=[^&]*", f"cache={ROOM / name}", STORE)
        words = [COMMAND, "serve", "--listen", "127.0.0.1:0", "--base-url", "/"]
        self.server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=self.env())
        self.base = self.server.stdout.readline().split()[-1].rstrip("/")
        say(f"host {name} serves at {self.base}")

    def env(self):
        return {**os.environ, "HOLDALL_STORE": self.store}

    def run(self, *words):
        done = subprocess.run([COMMAND, *words], env=self.env(), capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise SystemExit(f"host {self.name}: {words}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def get(self, path, first=0, slowly=None):
        """Downloads from an offset on; as far as it comes, where the server dies."""
        request = urllib.request.Request(self.base + path, headers={"Range": f"bytes={first}-"})
        got = bytearray()
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                while block := reply.read(1 << 16):
                    got += block
                    if slowly:
                        slowly(len(got))
        except urllib.error.HTTPError as error:
            raise SystemExit(f"host {self.name}: {path}: {error}") from error
        except (OSError, http.client.HTTPException):
            assert self.dead, "a download broke off"
        return bytes(got)


def putting(host, files, acknowledged, stop):
    """Puts files one after the other; notes each that was acknowledged."""
    number = 0
    source = ROOM / f"{host.name}.source"
    while not stop.is_set() and not host.dead:
        name, content = f"{host.name}/{number}", random.Random(f"{host.name}{number}").randbytes(1000 + number * 997 % 90_000)
        source.write_bytes(content)
        process = subprocess.Popen([COMMAND, "put", str(source), "--to", name], env=host.env(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        files[host.name] = process
        if process.wait() == 0:
            acknowledged[name] = hashlib.sha256(content).hexdigest()
        number += 1


def main():
    big = ROOM / "big.bin"
    big.write_bytes(random.Random(1).randbytes(BIG))
    digest = hashlib.sha256(big.read_bytes()).hexdigest()
    Path(ROOM / "first").write_bytes(b"made by the first put\n")
    subprocess.run([COMMAND, "--store", STORE, "put", str(ROOM / "first")], check=True, capture_output=True)
    one, two = Host("one"), Host("two")

    tree = {f"{TREE.name}/{path.relative_to(TREE)}": hashlib.sha256(path.read_bytes()).hexdigest()
            for path in TREE.rglob("*") if path.is_file()}
    one.run("put", str(TREE))
    two.run("put", str(big), "--to", "big.bin")
    say(f"host one put {len(tree)} files of {TREE.name}/, host two put {BIG >> 20} MiB")

    acknowledged, running, stop = dict(tree), {}, threading.Event()
    writers = [threading.Thread(target=putting, args=(host, running, acknowledged, stop)) for host in (one, two)]
    [writer.start() for writer in writers]
    url = two.run("url", "big.bin").strip()
    time.sleep(2)

    def kill(come):
        if come > BIG // 3 and not one.dead:
            one.dead = True
            one.server.send_signal(signal.SIGKILL)
            running["one"].send_signal(signal.SIGKILL)
            say(f"host one is killed: {come >> 20} of {BIG >> 20} MiB of a download had come, and a put was under way")

    part = one.get(url, slowly=kill)
    assert one.server.wait() == -signal.SIGKILL and 0 < len(part) < BIG
    rest = two.get(url, first=len(part))
    assert hashlib.sha256(part + rest).hexdigest() == digest
    say(f"the same URL gave the other {len(rest) >> 20} MiB at host two, and the hash is right")
    time.sleep(1)
    stop.set()
    [writer.join() for writer in writers]

    lost = []
    for name, want in acknowledged.items():
        got = two.get(two.run("url", name).strip()) if name not in tree else None
        if got is not None and hashlib.sha256(got).hexdigest() != want:
            lost.append(name)
    archive, url = ROOM / "all.zip", two.run("archive", TREE.name).strip()
    # Another process made it, so that the server sees it after staleness_ms at most.
    time.sleep(1.1)
    archive.write_bytes(two.get(url))
    with zipfile.ZipFile(archive) as zipped:
        assert zipped.testzip() is None
        for name, want in tree.items():
            if hashlib.sha256(zipped.read(name)).hexdigest() != want:
                lost.append(name)
    assert not lost, f"acknowledged and lost: {lost}"
    puts = {host: sum(name.startswith(f"{host}/") for name in acknowledged) for host in ("one", "two")}
    say(f"all {len(acknowledged)} files that were acknowledged are there, {puts['one']} of them put by host one "
        f"one by one, {puts['two']} by host two")
    found = json.loads(two.run("--json", "check", "--content"))
    assert found["sound"]
    say(f"check --content at host two: {found['files']} files, {found['blobs']} contents, nothing is wrong")
    two.server.terminate()
    two.server.wait()
    say("nothing is lost")
    shutil.rmtree(ROOM)


BEGAN = time.monotonic()
main()
