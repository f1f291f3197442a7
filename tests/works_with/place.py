"""Where the programs of others are, and how what is missing is installed: all but Debian's packages below
`target/works-with`."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DRIVERS = Path(__file__).resolve().parent / "drivers"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "works-with"
PYTHON = TARGET / "venv/bin/python"
NODE = TARGET / "npm/node_modules"
JARS = TARGET / "java"
EPUBCHECK = TARGET / "epubcheck"
CLASSES = TARGET / "classes"
GO = TARGET / "go"

DEBIAN = (
    "unzip p7zip-full libarchive-tools busybox unar minizip php-cli php-zip ruby ruby-zip libarchive-zip-perl "
    "curl wget wget2 zsync aria2 axel lftp rclone ffmpeg mpv httpie chromium firefox-esr default-jdk-headless nodejs npm golang-go maven"
).split()
PYPI = (
    "stream-unzip libarchive-c pyzipper remotezip requests httpx urllib3 aiohttp fsspec niquests pip yt-dlp"
).split()
NPM = (
    "yauzl adm-zip jszip unzipper fflate node-stream-zip extract-zip @zip.js/zip.js got axios undici puppeteer-core"
).split()


def quiet(*command: object, **more: object) -> bool:
    """Runs a command; returns whether it went well."""
    try:
        done = subprocess.run(
            [str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, timeout=900, **more
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    if done.returncode != 0:
        print(f"  {command[0]}: {done.stderr.decode(errors='replace').strip()[-300:]}", file=sys.stderr)
    return done.returncode == 0


def install() -> None:
    """Installs what can be had. What cannot is left out of the table."""
    TARGET.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        missing = [name for name in DEBIAN if not debian(name)]
        have = {"default-jdk-headless": "javac", "nodejs": "node", "npm": "npm", "golang-go": "go", "maven": "mvn"}
        missing = [name for name in missing if not (name in have and shutil.which(have[name]))]
        for name in missing:
            print(f"installing {name}", file=sys.stderr)
            command = ("apt-get", "install", "-y", "-q", "--no-install-recommends", name)
            quiet(*command) or (quiet("apt-get", "update", "-q") and quiet(*command))
    if not PYTHON.exists():
        quiet(sys.executable, "-m", "venv", TARGET / "venv")
    quiet(PYTHON, "-m", "pip", "install", "--quiet", "--upgrade", *PYPI)
    if shutil.which("npm"):
        quiet("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", TARGET / "npm", *NPM)
    if shutil.which("mvn"):
        # epubcheck has libraries in other versions than the readers have.
        for pom, to in (("pom.xml", JARS), ("epubcheck.xml", EPUBCHECK)):
            quiet("mvn", "-q", "-B", "-f", DRIVERS / pom, "dependency:copy-dependencies", f"-DoutputDirectory={to}")


def debian(name: str) -> bool:
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", name], capture_output=True)
    return done.stdout == b"install ok installed"


@functools.cache
def java() -> str | None:
    """Compiles the programs in Java that can be, and returns the class path; None without a compiler."""
    if not shutil.which("javac"):
        return None
    CLASSES.mkdir(parents=True, exist_ok=True)
    path = f"{CLASSES}{os.pathsep}{JARS}/*"
    sources = DRIVERS / "java"
    if not quiet("javac", "-nowarn", "-d", CLASSES, sources / "Read.java", sources / "Fetch.java"):
        return None
    for extra in sorted(sources.glob("Read?*.java")):
        if JARS.exists():
            quiet("javac", "-nowarn", "-cp", path, "-d", CLASSES, extra)
    return path


@functools.cache
def go() -> str | None:
    """Compiles the program in Go, and returns it; None without a compiler or its modules."""
    if not shutil.which("go"):
        return None
    source = GO / "source"
    shutil.copytree(DRIVERS / "go", source, dirs_exist_ok=True)
    built = GO / "works-with"
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    done = quiet("go", "build", "-o", built, ".", cwd=source, env=environment)
    return str(built) if done else None
