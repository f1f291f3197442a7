"""The README of the whole project: its Python runs as it stands."""

import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable

import httpx
from pages import ROOT, name_of

import holdall

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT.parent / "README.md").read_text(), re.DOTALL)


def test_every_block_is_one_that_is_run_here() -> None:
    assert [name_of(block) for block in BLOCKS] == [None, "main.py"]
    assert all(len(block.strip().splitlines()) <= 18 for block in BLOCKS)


def test_the_quick_start_runs(tmp_path: pathlib.Path) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", BLOCKS[0]], cwd=tmp_path, check=True)
    assert (tmp_path / "files" / "STORE").exists()


def test_the_web_framework_uploads_and_downloads(
    tmp_path: pathlib.Path, server: Callable[..., str], monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.py").write_text(BLOCKS[1])
    base = server("uvicorn", "main:app", "--port", "PORT")
    form = {"file": ("q3 \u20ac.pdf", b"%PDF-1.7 report")}
    told = json.loads(httpx.post(f"{base}/upload", files=form).raise_for_status().content)
    got = httpx.get(base + told["url"], headers={"Range": "bytes=9-"})
    assert (got.status_code, got.content) == (206, b"report")
    assert "q3%20%E2%82%AC.pdf" in got.headers["content-disposition"]
    for name in ("..", "x" * 300):
        bad = httpx.post(f"{base}/upload", files={"file": (name, b"x")})
        assert bad.status_code == 400, name
    with holdall.open(tmp_path / "files", create=False) as store:
        assert store.drive("alice").stat("inbox/q3 \u20ac.pdf").current.sha1 == told["sha1"]
