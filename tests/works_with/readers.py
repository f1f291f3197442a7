"""Readers of archives that others wrote."""

import os
import re
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import place
from .shapes import NOON, Shape

#: Where the readers are: noon there is 16:00 UTC in June.
ZONE = {"TZ": "America/New_York"}
DRIVERS = place.DRIVERS


@dataclass(frozen=True)
class Reader:
    """One way to read an archive. `command` prints what is in it, or with `extracts` writes it into a folder."""

    name: str
    command: Callable[[Path, Path], list[object]]
    version: Callable[[], str | None]
    extracts: bool = False
    #: Whether it makes no folders of entries for folders, or tells none.
    folders: bool = True
    #: Exit codes that are no failure.
    codes: tuple[int, ...] = (0,)


def said(*command: object) -> str | None:
    """Returns the first number with a dot that a command says; None where it cannot be run."""
    try:
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
            cwd=DRIVERS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = (done.stdout + done.stderr).decode(errors="replace")
    match = re.search(r"\d+\.\d[\w.+~-]*", text)
    return match.group(0).rstrip(".") if match else None


def debian(package: str, program: str) -> Callable[[], str | None]:
    def version() -> str | None:
        if not shutil.which(program):
            return None
        return said("dpkg-query", "-W", "-f", "${Version}", package) or said(program, "--version")

    return version


def pypi(package: str) -> Callable[[], str | None]:
    code = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"

    def version() -> str | None:
        return said(place.PYTHON, "-c", code, package) if place.PYTHON.exists() else None

    return version


def npm(package: str) -> Callable[[], str | None]:
    def version() -> str | None:
        manifest = place.NODE / package / "package.json"
        if not (manifest.exists() and shutil.which("node")):
            return None
        return re.search(r'"version":\s*"([^"]+)"', manifest.read_text()).group(1)

    return version


def jar(package: str) -> Callable[[], str | None]:
    def version() -> str | None:
        found = sorted(place.JARS.glob(f"{package}-[0-9]*.jar"))
        return found[-1].stem.removeprefix(f"{package}-") if found and place.java() else None

    return version


def jdk() -> str | None:
    return said("java", "-version") if place.java() else None


def go() -> str | None:
    return said("go", "version") if place.go() else None


def klauspost() -> str | None:
    text = (DRIVERS / "go/go.mod").read_text()
    return re.search(r"compress v(\S+)", text).group(1) if place.go() else None


def python(how: str, interpreter: object = None) -> Callable[[Path, Path], list[object]]:
    return lambda zip, into: [interpreter or place.PYTHON, DRIVERS / "read.py", how, zip, into]


def node(how: str) -> Callable[[Path, Path], list[object]]:
    return lambda zip, into: ["node", DRIVERS / "read.mjs", how, zip, into]


def java(how: str) -> Callable[[Path, Path], list[object]]:
    return lambda zip, _: ["java", "-Xshare:auto", "-Dfile.encoding=UTF-8", "-cp", place.java(), "Read", how, zip]


def own_python() -> str | None:
    return said("python3", "--version")


READERS = [
    Reader("unzip", lambda z, d: ["unzip", "-q", z, "-d", d], debian("unzip", "unzip"), extracts=True),
    Reader("7z", lambda z, d: ["7z", "x", "-y", f"-o{d}", z], debian("p7zip-full", "7z"), extracts=True),
    Reader("bsdtar", lambda z, d: ["bsdtar", "-xf", z, "-C", d], debian("libarchive-tools", "bsdtar"), extracts=True),
    Reader("busybox unzip", lambda z, d: ["busybox", "unzip", "-q", z, "-d", d], debian("busybox", "busybox"), extracts=True),
    Reader("unar", lambda z, d: ["unar", "-q", "-D", "-o", d, z], debian("unar", "unar"), extracts=True),
    Reader("minizip", lambda z, d: ["miniunzip", "-x", "-o", z, "-d", d], debian("minizip", "miniunzip"), extracts=True),
    Reader("jar", lambda z, d: ["sh", "-c", 'cd "$1" && jar xf "$2"', "sh", d, z], jdk, extracts=True),
    Reader("Java ZipFile", java("ZipFile"), jdk),
    Reader("Java ZipInputStream", java("ZipInputStream"), jdk),
    Reader("Java zipfs", java("zipfs"), jdk),
    Reader("Commons Compress ZipFile", java("Commons"), jar("commons-compress")),
    Reader("Commons Compress stream", java("CommonsStream"), jar("commons-compress")),
    Reader("zip4j", java("Zip4j"), jar("zip4j")),
    Reader("zip4j stream", java("Zip4jStream"), jar("zip4j")),
    Reader("Go archive/zip", lambda z, _: [place.go(), "zip", z], go),
    Reader("klauspost/compress zip", lambda z, _: [place.go(), "klauspost", z], klauspost),
    Reader("Python zipfile", python("zipfile", "python3"), own_python),
    Reader("Python shutil", python("shutil", "python3"), own_python, extracts=True),
    Reader("pyzipper", python("pyzipper"), pypi("pyzipper")),
    Reader("stream-unzip", python("stream-unzip"), pypi("stream-unzip")),
    Reader("libarchive-c", python("libarchive-c"), pypi("libarchive-c")),
    Reader("yauzl", node("yauzl"), npm("yauzl")),
    Reader("adm-zip", node("adm-zip"), npm("adm-zip")),
    Reader("jszip", node("jszip"), npm("jszip")),
    Reader("unzipper", node("unzipper"), npm("unzipper")),
    Reader("unzipper stream", node("unzipper stream"), npm("unzipper")),
    Reader("fflate", node("fflate"), npm("fflate")),
    Reader("node-stream-zip", node("node-stream-zip"), npm("node-stream-zip")),
    Reader("extract-zip", node("extract-zip"), npm("extract-zip"), extracts=True),
    Reader("zip.js", node("zip.js"), npm("@zip.js/zip.js")),
    Reader("PHP ZipArchive", lambda z, _: ["php", DRIVERS / "read.php", z], lambda: said("php", "--version") if said("php", "-r", "echo phpversion('zip');") else None),
    Reader("rubyzip", lambda z, _: ["ruby", "-Ku", DRIVERS / "read.rb", z], debian("ruby-zip", "ruby")),
    Reader("Perl Archive::Zip", lambda z, _: ["perl", DRIVERS / "read.pl", z], lambda: said("perl", "-MArchive::Zip", "-e", "print $Archive::Zip::VERSION")),
]


@dataclass
class Answer:
    """What came of one reader and one archive: nothing wrong, or what."""

    wrong: str = ""
    #: Whose time it shows, and whether it made what may be run so; empty where it does not say.
    clock: str = ""
    mode: str = ""


def extracted(at: Path) -> dict[str, tuple[int, int, str]]:
    """Reads a folder as the lines of a driver."""
    out = {}
    for path in at.rglob("*"):
        name = str(path.relative_to(at))
        if path.is_dir():
            out[name + "/"] = (0, 0, str(int(path.stat().st_mtime)))
        else:
            content = path.read_bytes()
            out[name] = (zlib.crc32(content), len(content), str(int(path.stat().st_mtime)))
    return out


def printed(text: bytes) -> dict[str, tuple[int, int, str]]:
    out = {}
    for line in text.decode(errors="replace").splitlines():
        crc, size, time, name = line.split(" ", 3)
        out[name] = (int(crc), int(size), time)
    return out


def read(reader: Reader, shape: Shape) -> Answer:
    """Lets a reader read an archive, and compares."""
    with tempfile.TemporaryDirectory(prefix="works-with-") as temporary:
        into = Path(temporary)
        environment = {**os.environ, **ZONE, "LC_ALL": "C.UTF-8", "NODE_MODULES": str(place.NODE)}
        command = [str(word) for word in reader.command(shape.path, into)]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=240, stdin=subprocess.DEVNULL, env=environment
            )
            have = extracted(into) if reader.extracts else printed(done.stdout)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return Answer(wrong=type(error).__name__)
        if done.returncode not in reader.codes:
            answer = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            return Answer(wrong=f"exit code {done.returncode}: {short(answer[-1] if answer else '')}")
        wrong = difference(reader, shape, have)
        clock = clock_of(have.get("2026")) if shape.times else ""
        mode = ""
        if shape.runs and reader.extracts and (into / shape.runs).exists():
            mode = "yes" if os.access(into / shape.runs, os.X_OK) and (into / shape.runs).stat().st_mode & 0o100 else "no"
        return Answer(wrong, clock, mode)


def difference(reader: Reader, shape: Shape, have: dict[str, tuple[int, int, str]]) -> str:
    """Says what is missing, too much or other."""
    files = {name: found[:2] for name, found in have.items() if not name.endswith("/")}
    want = {name: found for name, found in shape.want.items() if not name.endswith("/")}
    missing, more = want.keys() - files.keys(), files.keys() - want.keys()
    if missing or more:
        return f"{len(missing)} files missing, such as {short(min(missing, default=''))!r}, {len(more)} others"
    other = [name for name in want if files[name] != want[name]]
    if other:
        return f"{len(other)} contents other, such as {other[0]!r}"
    folders = {name for name in shape.want if name.endswith("/")}
    lost = folders - have.keys()
    if reader.folders and lost:
        return f"{len(lost)} folders missing, such as {min(lost)!r}"
    return ""


def clock_of(found: tuple[int, int, str] | None) -> str:
    """Tells by the time that is shown for 16:00 UTC in New York what the reader took."""
    if found is None or found[2] == "-":
        return "none"
    shown = {0: "UTC", 3600: "DOS, as UTC", 5 * 3600: "DOS, as local"}
    return shown.get(int(found[2]) - NOON, "none")


def short(text: str) -> str:
    text = text.replace("|", "/").replace("\n", " ")
    return text if len(text) <= 80 else text[:77] + "..."
