import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from hosts import SERVERS

import holdall

VECTORS = pathlib.Path(__file__).parents[2] / "tests" / "vectors"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Tells python/run-tests.sh how many tests did what."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    target = os.environ.get("HOLDALL_COUNTS")
    if reporter is None or not target:
        return
    count = {name: len(tests) for name, tests in reporter.stats.items()}
    failed = count.get("failed", 0) + count.get("error", 0)
    ignored = sum(count.get(name, 0) for name in ("skipped", "xfailed", "deselected"))
    told = f"{count.get('passed', 0)} passed; {failed} failed; {ignored} ignored\n"
    pathlib.Path(target).write_text(told)


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[holdall.Store]:
    with holdall.open(tmp_path / "store") as store:
        yield store


@pytest.fixture
def alice(store: holdall.Store) -> holdall.Drive:
    return store.drive("alice")


@pytest.fixture
def run() -> Callable[..., str]:
    """Runs Python code in a process of its own and returns what it printed."""

    def run(code: str, *arguments: str, timeout: float = 60) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def listens(port: int) -> bool:
    """Returns whether something listens on a port."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as wire:
            # A connection to a port that nobody listens on can meet itself.
            return bool(wire.getsockname() != wire.getpeername())
    except OSError:
        return False


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[Callable[..., str]]:
    """Starts a web server on a free port and returns where it listens."""
    started: list[subprocess.Popen[bytes]] = []

    def server(*command: str, **environment: str) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = [word.replace("PORT", str(port)) for word in command]
        with (tmp_path / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=tmp_path,
                env=os.environ | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        for _ in range(300):
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            if listens(port):
                return f"http://127.0.0.1:{port}"
            time.sleep(0.05)
        raise AssertionError((tmp_path / "server.log").read_text())

    yield server
    for process in started:
        process.terminate()
    for process in started:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(params=SERVERS)
def base(request: pytest.FixtureRequest, tmp_path: pathlib.Path, server: Callable[..., str]) -> str:
    """A server of each kind that runs the APPS of the test's module."""
    (tmp_path / "apps.py").write_text(request.module.APPS)
    return server(*SERVERS[request.param])
