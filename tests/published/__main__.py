"""Runs every test of the formats, each format on a server of its own."""

import argparse
import importlib
import shutil
import sys
import time
import traceback
from pathlib import Path

from . import __doc__ as about
from .host import Host, NotHere

FORMATS = ("cloudreve", "pds")


def run(name, holdall):
    """Runs the tests of one format; each finds the store as those before it left it."""
    passed, failed = 0, 0
    tests = importlib.import_module(f"{__package__}.{name}").TESTS
    host = Host(holdall)
    try:
        for test in tests:
            begun = time.monotonic()
            try:
                test(host)
            except NotHere as missing:
                # Of a registry or a toolchain that need not be here.
                print(f"left out: {name}.{test.__name__}: {missing}", flush=True)
                continue
            except Exception:
                failed += 1
                traceback.print_exc()
                word = "FAILED"
            else:
                passed += 1
                word = "ok"
            took = time.monotonic() - begun
            print(f"test {name}.{test.__name__} ... {word} ({took:.1f} s)", flush=True)
    finally:
        host.remove()
    return passed, failed


def main():
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.published", description=about, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("holdall", help="the command that is to be tested")
    parser.add_argument("formats", nargs="*", help=f"{' or '.join(FORMATS)}; both by default")
    args = parser.parse_args()
    for name in args.formats:
        if name not in FORMATS:
            parser.error(f"{name!r} is not a format")
    begun, counts = time.monotonic(), []
    holdall = shutil.which(args.holdall)
    if holdall is None:
        print(f"there is no command {args.holdall!r}: `cargo build -p holdall-cli`, and name what it made")
        counts.append((0, 1))
    else:
        for name in args.formats or FORMATS:
            try:
                counts.append(run(name, str(Path(holdall).resolve())))
            except ImportError as error:
                print(f"test {name} ... FAILED: {error}; tests/published/run.sh installs it")
                counts.append((0, 1))
            except Exception:
                traceback.print_exc()
                counts.append((0, 1))
    passed, failed = (sum(numbers) for numbers in zip(*counts))
    word = "ok" if failed == 0 else "FAILED"
    rest = f"0 ignored; 0 measured; 0 filtered out; finished in {time.monotonic() - begun:.2f}s"
    print(f"test result: {word}. {passed} passed; {failed} failed; {rest}")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
