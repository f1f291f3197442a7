"""A second interpreter of a process is told no at the import."""

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
