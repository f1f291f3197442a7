"""The command line of the package is that of the Rust program."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import sysconfig
import time

import httpx
import pytest

import holdall

SCRIPT = [f"{sysconfig.get_path('scripts')}/holdall"]
MODULE = [sys.executable, "-m", "holdall"]


def run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("command", [SCRIPT, MODULE], ids=["script", "module"])
def test_the_command_line_works(command: list[str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "a b.txt").write_text("hello")
    environment = os.environ | {"HOLDALL_STORE": str(tmp_path / "store")}
    put = run(*command, "--json", "put", str(tmp_path / "a b.txt"), env=environment)
    assert put.returncode == 0, put.stderr
    assert json.loads(put.stdout)["files"] == 1
    got = run(*command, "get", "a b.txt", env=environment)
    assert got.stdout == "hello"
    assert run(*command, "check", env=environment).returncode == 0
    missing = run(*command, "get", "missing", env=environment)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr.startswith("holdall: ")
    assert run(*command, "nonsense").returncode == 1
    assert run(*command, "--version").stdout == f"holdall {holdall.__version__}\n"
    assert run(*command, "--help").stdout.count("\n") > 20
    with holdall.open(tmp_path / "store", create=False) as store:
        assert store.drive("main").open("a b.txt").read() == b"hello"


def test_a_reader_that_has_enough_is_no_error(tmp_path: pathlib.Path) -> None:
    with holdall.open(tmp_path / "store") as store:
        store.drive("main").put("x", bytes(50 << 20))
    line = (
        f"{SCRIPT[0]} --store {tmp_path}/store get x | head -c 5 | wc -c; echo ${{PIPESTATUS[0]}}"
    )
    done = run("bash", "-c", line)
    assert (done.stdout.split(), done.stderr) == (["5", "0"], "")


def test_it_serves_and_control_c_ends_it(tmp_path: pathlib.Path) -> None:
    with holdall.open(tmp_path / "store") as store:
        url = store.url(store.drive("main").put("x", b"hello"))
        server = subprocess.Popen(
            [*SCRIPT, "serve", str(tmp_path / "store"), "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        base = next(word for word in server.stdout.readline().split() if "://" in word)
        assert httpx.get(base.rstrip("/") + url).content == b"hello"
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0
        server.stdout.close()


def test_control_c_ends_a_put(tmp_path: pathlib.Path) -> None:
    process = subprocess.Popen(
        [*MODULE, "--store", str(tmp_path / "s"), "put", "-", "--to", "x"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    while not (tmp_path / "s" / "meta.redb").exists():
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == -signal.SIGINT
    process.communicate()
    with holdall.open(tmp_path / "s", create=False) as store:
        assert store.check(content=True).is_sound
