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

def red_page() -> bytes:
    """Makes a PDF of one page that is red."""
    red = b"1 0 0 rg 0 0 600 800 re f"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<<>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(red), red),
    ]
    out, rows = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for number, content in enumerate(objects, 1):
        rows += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj%s endobj\n" % (number, content)
    tail = (len(objects) + 1, rows, len(objects) + 1, len(out))
    return out + b"xref\n0 %d\n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % tail


#: A film of several MB whose index is at its end, so that it is read in several requests.
FILM = ("-f", "lavfi", "-i", "testsrc2=d=8:s=640x360", "-f", "lavfi", "-i", "sine=d=8", "-pix_fmt", "yuv420p", "-crf", "5", "-g", "10")

#: A column, the kind of page, the file, and how ffmpeg makes it; without that the content is given.
CASES: list[tuple[str, str, str, tuple[str, ...] | bytes]] = [
    ("mp4", "media", "film.mp4", ("-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-f", "lavfi", "-i", "sine=d=1", "-pix_fmt", "yuv420p")),
    ("webm", "media", "film.webm", ("-f", "lavfi", "-i", "testsrc=d=1:s=64x64")),
    ("mp3", "media", "song.mp3", ("-f", "lavfi", "-i", "sine=d=1")),
    ("wav", "media", "song.wav", ("-f", "lavfi", "-i", "sine=d=1")),
    ("png", "image", "picture.png", ("-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-frames:v", "1")),
    ("pdf", "red", "page.pdf", red_page()),
    ("text", "text", "notes.txt", b"plain text\n"),
    ("script in SVG", "script", "picture.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>window.ran = 1</script></svg>'),
    ("script in HTML", "script", "page.html", b"<!doctype html><script>window.ran = 1</script>plain"),
    ("film, one download allowed", "player", "long.mp4", FILM),
]

#: More options of the URL, by the kind of page.
OPTIONS = {"player": ("--max-uses", "1", "--cross-origin", "cross-origin")}

#: A sound device that plays to nobody, because without any Firefox ends a sound with an error.
SILENT = "pcm.!default { type null }\nctl.!default { type null }\n"


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
        (Path(home) / ".asoundrc").write_text(SILENT)
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
    there = []
    for column, kind, name, recipe in CASES:
        content = made(recipe, name)
        if content is not None:
            store.put(f"pages/{name}", content)
            there.append((column, kind, name))
    for name, browser, program in BROWSERS:
        version = said(program, "--version")
        if version:
            pages = [(kind, base + store.url(f"pages/{file}", "--inline", *OPTIONS.get(kind, ()))) for _, kind, file in there]
            wrong = {column: "-" for column, *_ in CASES}
            wrong.update(zip([column for column, *_ in there], look(browser, program, pages)))
            tell(name, version, wrong)
