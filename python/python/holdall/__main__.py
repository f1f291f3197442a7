"""The ``holdall`` command: ``holdall`` and ``python -m holdall`` are that of the Rust program."""

import os
import signal
import sys
import sysconfig

from ._holdall import _main


def main() -> int:
    """Runs the command line of this process and returns its exit code."""
    # Nothing of Python's runs meanwhile, so Control-C does what it does to every program.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _main(program(), sys.argv[1:])


def program() -> str:
    """Returns what runs this command line."""
    name = sys.argv[0]
    if os.access(name, os.X_OK):
        return name
    return f"{sysconfig.get_path('scripts')}/holdall"


if __name__ == "__main__":
    sys.exit(main())
