"""What is installed: in a bare environment, from a wheel that was built from the sdist."""

import os
import pathlib
import subprocess
import sys
import venv
import zipfile

import pytest
from pages import blocks, name_of


@pytest.fixture(scope="module")
def wheel() -> pathlib.Path:
    name = os.environ.get("HOLDALL_WHEEL")
    if not name:
        pytest.fail("HOLDALL_WHEEL names no wheel of the package; python/run-tests.sh builds one")
    return pathlib.Path(name)


def test_a_bare_environment_takes_the_wheel(wheel: pathlib.Path, tmp_path: pathlib.Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / "bin"
    environment = os.environ | {"PYTHONPATH": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def run(*command: str | pathlib.Path) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    # Nothing else is needed: nothing else may be had.
    run(scripts / "pip", "install", "--no-index", wheel)
    assert len(run(scripts / "pip", "list", "--format=freeze").splitlines()) <= 3
    (code,) = (block for block in blocks("README") if name_of(block) is None)
    run(scripts / "python", "-W", "error", "-c", code)
    for module in ("holdall.asgi", "holdall.wsgi", "holdall.errors"):
        run(scripts / "python", "-c", f"import {module}")
    assert "notes" in run(scripts / "holdall", "--store", "files", "--drive", "alice", "ls")
    assert "notes" in run(
        scripts / "python", "-m", "holdall", "--store", "files", "--drive", "alice", "ls"
    )


def test_the_wheel_holds_what_it_must(wheel: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        (entry,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "holdall=holdall.__main__:main" in opened.read(entry).decode().replace(" ", "")
        (metadata,) = (name for name in names if name.endswith("METADATA"))
        answer = opened.read(metadata).decode()
    assert "abi3" in wheel.name
    assert wheel.name.startswith("holdall-0.")
    for name in (
        "__init__.py",
        "__main__.py",
        "_holdall.abi3.so",
        "_holdall.pyi",
        "django/management/commands/holdall_check.py",
        "py.typed",
    ):
        assert f"holdall/{name}" in names
    assert not [name for name in names if "tests" in name or name.endswith(".rs")]
    assert any("LICENSE-MIT" in name for name in names)
    assert "Requires-Python: >=3.11" in answer
    needs = [line for line in answer.splitlines() if line.startswith("Requires-Dist:")]
    assert all("extra ==" in line for line in needs), needs


def test_this_is_what_is_tested(wheel: pathlib.Path) -> None:
    """The tests import what was installed, and not a checkout of the same name."""
    import holdall

    assert pathlib.Path(holdall.__file__).is_relative_to(sys.prefix), holdall.__file__
