"""Browsers, which open URLs as pages: their own viewers must show what is in them, and nothing of a file may run."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import place
from .readers import said, short

#: Its name, what puppeteer calls it, and its program.
BROWSERS = [("Chromium", "chrome", "chromium"), ("Firefox", "firefox", "firefox")]

#: A column, the kind of page, the file, and how ffmpeg makes it; without that the content is given.
CASES: list[tuple[str, str, str, tuple[str, ...] | bytes]] = [
    ("mp4", "media", "film.mp4", ("-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-f", "lavfi", "-i", "sine=d=1", "-pix_fmt", "yuv420p")),
    ("webm", "media", "film.webm", ("-f", "lavfi", "-i", "testsrc=d=1:s=64x64")),
    ("mp3", "media", "song.mp3", ("-f", "lavfi", "-i", "sine=d=1")),
    ("wav", "media", "song.wav", ("-f", "lavfi", "-i", "sine=d=1")),
    ("png", "image", "picture.png", ("-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-frames:v", "1")),
    ("text", "text", "notes.txt", b"plain text\n"),
    ("script in SVG", "script", "picture.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>window.ran = 1</script></svg>'),
    ("script in HTML", "script", "page.html", b"<!doctype html><script>window.ran = 1</script>plain"),
]


def made(recipe: tuple[str, ...] | bytes, name: str) -> bytes | None:
    """Makes a file with ffmpeg; None where that is not here or has no encoder for it."""
    if isinstance(recipe, bytes):
        return recipe
    with tempfile.TemporaryDirectory(prefix="works-with-") as temporary:
        out = Path(temporary) / name
        if not (shutil.which("ffmpeg") and place.quiet("ffmpeg", "-loglevel", "error", *recipe, "-y", out)):
            return None
        return out.read_bytes()


def look(kind: str, program: str, pages: list[tuple[str, str]]) -> list[str]:
    """Opens pages in a browser, and returns what is wrong with each."""
    words = [word for page in pages for word in page]
    with tempfile.TemporaryDirectory(prefix="works-with-") as home:
        environment = {**os.environ, "NODE_MODULES": str(place.NODE), "HOME": home, "no_proxy": "*"}
        command = ["node", str(place.DRIVERS / "browse.mjs"), kind, shutil.which(program) or program, *words]
        try:
            done = subprocess.run(command, capture_output=True, timeout=240, env=environment)
        except (OSError, subprocess.TimeoutExpired) as error:
            return [type(error).__name__] * len(pages)
    lines = done.stdout.decode(errors="replace").splitlines()
    if len(lines) != len(pages):
        answer = done.stderr.decode(errors="replace").strip().splitlines()
        return [short(next((line for line in answer if "Error" in line), "it did not start"))] * len(pages)
    return ["" if line == "ok" else short(line) for line in lines]


def browsed(store, base: str, tell: Callable[[str, str, dict[str, str]], None]) -> None:
    """Shows every case in every browser that is here."""
    if not ((place.NODE / "puppeteer-core").exists() and shutil.which("node")):
        return
    pages = {}
    for column, kind, name, recipe in CASES:
        content = made(recipe, name)
        if content is not None:
            store.put(f"pages/{name}", content)
            pages[column] = (kind, base + store.url(f"pages/{name}", "--inline"))
    for name, kind, program in BROWSERS:
        version = said(program, "--version")
        if version:
            found = look(kind, program, list(pages.values()))
            wrong = {column: "-" for column, *_ in CASES}
            wrong.update(zip(pages, found))
            tell(name, version, wrong)
