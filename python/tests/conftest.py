import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hosts import SERVERS, running

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
    answer = f"{count.get('passed', 0)} passed; {failed} failed; {ignored} ignored\n"
    pathlib.Path(target).write_text(answer)


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


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[Callable[..., str]]:
    """Starts a web server on a free port and returns where it listens."""
    with ExitStack() as started:

        def server(*command: str, **environment: str) -> str:
            return started.enter_context(running(tmp_path, [*command], environment))

        yield server


@pytest.fixture(params=SERVERS)
def base(request: pytest.FixtureRequest, tmp_path: pathlib.Path, server: Callable[..., str]) -> str:
    """A server of each kind that runs the APPS of the test's module."""
    (tmp_path / "apps.py").write_text(request.module.APPS)
    return server(*SERVERS[request.param])
