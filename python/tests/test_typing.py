"""The stub says what the module is."""

import os
import pathlib
import subprocess
import sys

import holdall

ALLOWED = """
holdall._holdall.__all__
holdall._holdall._Chunk
"""


def test_the_stub_is_that_of_the_live_module(tmp_path: pathlib.Path) -> None:
    (tmp_path / "allowed").write_text(ALLOWED)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy.stubtest", "holdall._holdall", "--concise"),
            *("--allowlist", "allowed", "--ignore-unused-allowlist"),
        ],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stub_has_the_docstrings_of_the_live_module() -> None:
    script = pathlib.Path(__file__).parents[1] / "stub.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_name_has_a_docstring_and_is_exported() -> None:
    for name in holdall.__all__:
        thing = getattr(holdall, name)
        if name not in ("__version__",):
            assert thing.__doc__, name
        for member, value in vars(thing).items() if isinstance(thing, type) else ():
            if not member.startswith("_") and thing is not holdall.Reader:
                assert value.__doc__, f"{name}.{member}"


def test_the_package_is_typed_and_needs_nothing(tmp_path: pathlib.Path) -> None:
    import importlib.metadata

    assert (pathlib.Path(holdall.__file__).parent / "py.typed").exists()
    needs = importlib.metadata.requires("holdall") or []
    assert all("extra ==" in need for need in needs), needs
    assert importlib.metadata.version("holdall") == holdall.__version__
