"""Interpreters that the package cannot run in are refused; without a GIL it runs as it is."""

import subprocess
import sys

SCRIPT = """
import os, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import holdall
interpreters.run_string(interpreters.create(), '''
try:
    import holdall
except ImportError as error:
    print(error, flush=True)
else:
    print("imported", flush=True)
''')
import holdall.errors
holdall.open(sys.argv[1]).close()
print("the first goes on", flush=True)
os._exit(0)
"""


def test_a_second_interpreter_is_told_no(tmp_path: object) -> None:
    command = [sys.executable, "-c", SCRIPT, f"{tmp_path}/store"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    refusal, rest = done.stdout.splitlines()
    assert "another interpreter" in refusal
    assert "GLOBAL" in refusal
    assert rest == "the first goes on"


EARLY = """
import sys
sys.version_info = (3, 13, 5, "final", 0)
sys.version = "3.13.5 experimental free-threading build (main)"
try:
    import holdall
except ImportError as error:
    print(error)
"""


def test_a_free_threaded_interpreter_before_3_14_is_told_no() -> None:
    command = [sys.executable, "-c", EARLY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "from 3.14 on, and this is 3.13" in done.stdout, done


GIL = """
import sys
has_gil = getattr(sys, "_is_gil_enabled", lambda: True)
before = has_gil()
import holdall
print(before, has_gil())
"""


def test_the_import_leaves_the_gil_as_it_was() -> None:
    command = [sys.executable, "-W", "error", "-c", GIL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    before, after = done.stdout.split()
    assert before == after
