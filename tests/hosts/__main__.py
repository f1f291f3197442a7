"""Starts a host on a fresh store, and runs every test that it is held to."""

import argparse
import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

from . import __doc__ as about
from . import (
    archive,
    canary,
    crowd,
    http,
    life,
    load,
    memory,
    name,
    nginx,
    refusal,
    resume,
    slow_disk,
    stream,
    upload,
)
from .case import Case
from .client import Curl
from .host import ROOT, Host, Kind, kind_of
from .store import Store
from .wrong import FAULTS

TOOLS = {"curl": "curl", "wget": "wget", "aria2c": "aria2", "unzip": "unzip"}


class Lines(unittest.TextTestResult):
    """Prints a line for each test, as cargo does."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.passed = 0
        self.showAll = self.dots = False

    def tell(self, test: unittest.TestCase, how: str) -> None:
        self.stream.writeln(f"test {str(test.id()).removeprefix('tests.hosts.')} ... {how}")
        self.stream.flush()

    def addSuccess(self, test) -> None:
        self.passed += 1
        self.tell(test, "ok")

    def addFailure(self, test, err) -> None:
        super().addFailure(test, err)
        self.tell(test, "FAILED")

    def addError(self, test, err) -> None:
        super().addError(test, err)
        self.tell(test, "FAILED")

    @property
    def failed(self) -> int:
        return len(self.failures) + len(self.errors)


def summary(passed: int, failed: int, begun: float) -> str:
    word = "ok" if failed == 0 else "FAILED"
    rest = f"0 ignored; 0 measured; 0 filtered out; finished in {time.monotonic() - begun:.2f}s"
    return f"test result: {word}. {passed} passed; {failed} failed; {rest}"


def cases(kind: Kind) -> list[type[unittest.TestCase]]:
    found = [
        http.Http,
        resume.Resume,
        archive.Archive,
        name.Name,
        refusal.Refusal,
        canary.Canary,
        crowd.Crowd,
        load.Load,
        memory.Memory,
        life.Life,
    ]
    found += (
        [life.Paced] * kind.paces
        + [life.Crowded] * kind.forms
        + [upload.Upload] * kind.uploads
        + [stream.Stream] * kind.streams
        + [nginx.Nginx, slow_disk.SlowDisk] * kind.is_nginx
    )
    return found + [life.End]


def suite_of(kind: Kind, only: str) -> unittest.TestSuite:
    load_tests = unittest.defaultTestLoader.loadTestsFromTestCase
    suite = unittest.TestSuite()
    for case in cases(kind):
        wanted = [test for test in load_tests(case) if only in test.id()]
        suite.addTests(wanted)
    return suite


def check(kind: Kind, holdall: str, only: str = "", stream=sys.stdout) -> Lines:
    """Runs the tests of a host, and returns what came of them."""
    with tempfile.TemporaryDirectory(prefix="holdall-hosts-") as directory:
        Case.store = nginx.Nginx.store = slow_disk.SlowDisk.store = Store(holdall, Path(directory))
        Case.store.put("first.txt", b"the store is made by the command line")
        with Host(kind, Case.store.path) as Case.host:
            Case.curl = Curl(Case.host.base, Case.store)
            runner = unittest.TextTestRunner(stream=stream, resultclass=Lines, verbosity=0)
            return runner.run(suite_of(kind, only))


def control(holdall: str) -> tuple[int, int]:
    """Runs the suite against hosts with one fault each: the test that watches it must fail."""
    passed = failed = 0
    os.environ["PYTHONPATH"] = str(ROOT)
    for fault, watcher in FAULTS.items():
        command = (sys.executable, "-m", "tests.hosts.wrong", fault, holdall)
        kind = Kind(command, uploads=False)
        with open(os.devnull, "w") as nowhere:
            result = check(
                kind,
                holdall,
                watcher or "test_head_says",
                unittest.runner._WritelnDecorator(nowhere),
            )
        right = (result.failed > 0) == (watcher is not None) and result.testsRun > 0
        seen = f" is seen by {watcher}" if watcher else ""
        print(f"test control.{fault}{seen} ... {'ok' if right else 'FAILED'}", flush=True)
        passed, failed = passed + right, failed + (not right)
    return passed, failed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.hosts",
        description=about,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("host", help="cli, nginx, control, or a command line")
    parser.add_argument(
        "--holdall",
        default=os.environ.get("HOLDALL", "holdall"),
        help="the command; $HOLDALL by default",
    )
    parser.add_argument("--only", default="", help="only tests with this in their name")
    args = parser.parse_args()
    begun = time.monotonic()
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        print(f"missing: {' '.join(missing)}; on Debian: apt-get install {' '.join(missing)}")
        print(summary(0, 1, begun))
        return 1
    holdall = shutil.which(args.holdall)
    if holdall is None:
        print(
            f"there is no command {args.holdall!r}: `cargo build -p holdall-cli`, and name it with --holdall"
        )
        print(summary(0, 1, begun))
        return 1
    holdall = str(Path(holdall).resolve())
    if args.host == "control":
        passed, failed = control(holdall)
    else:
        result = check(kind_of(args.host, holdall), holdall, args.only)
        passed, failed = result.passed, result.failed
    print(summary(passed, failed, begun))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
