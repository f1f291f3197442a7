"""Every block of the README runs."""

import pathlib
import re
from collections.abc import Callable

README = pathlib.Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def block(beginning: str) -> str:
    (found,) = (block for block in BLOCKS if block.startswith(beginning))
    return str(found)


def test_the_quick_start_runs(tmp_path: pathlib.Path, run: Callable[..., str]) -> None:
    code = block("import holdall\n\nwith")
    assert len(code.strip().splitlines()) <= 15
    run(f"import os; os.chdir({str(tmp_path)!r})\n{code}")
    assert (tmp_path / "files" / "STORE").exists()


def test_the_pages_are_all_tested() -> None:
    assert len(BLOCKS) == 7
    for name in ("# app.py", "# wsgi.py", "# api.py", "# site.py", "# settings.py", "# urls.py"):
        assert block(name)
