"""The README of the whole project: its Python runs as it stands."""

import pathlib
import re
import subprocess
import sys

from pages import ROOT, name_of

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT.parent / "README.md").read_text(), re.DOTALL)


def test_every_block_is_one_that_is_run_here() -> None:
    assert [name_of(block) for block in BLOCKS] == [None]
    assert all(len(block.strip().splitlines()) <= 18 for block in BLOCKS)


def test_the_quick_start_runs(tmp_path: pathlib.Path) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", BLOCKS[0]], cwd=tmp_path, check=True)
    assert (tmp_path / "files" / "STORE").exists()
