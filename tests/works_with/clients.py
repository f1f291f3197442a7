"""Clients that read URLs, written by others."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import place
from .readers import debian, go, jdk, npm, own_python, pypi, said, short


@dataclass(frozen=True)
class Client:
    """One way to download: `get` writes the content of a URL to a path; `resume` goes on with a part there."""

    name: str
    version: Callable[[], str | None]
    get: Callable[[str, Path], list[object]]
    resume: Callable[[str, Path], list[object]] | None = None


def python(how: str, interpreter: object = None) -> Callable[[str, Path], list[object]]:
    return lambda url, to: [interpreter or place.PYTHON, place.DRIVERS / "read.py", how, url, to]


def node(how: str) -> Callable[[str, Path], list[object]]:
    return lambda url, to: ["node", place.DRIVERS / "read.mjs", how, url, to]


def java(url: str, to: Path) -> list[object]:
    return ["java", "-Xshare:auto", "-cp", place.java(), "Fetch", url, to]


def java_on(url: str, to: Path) -> list[object]:
    return [*java(url, to), to.stat().st_size]


def lftp(verb: str) -> Callable[[str, Path], list[object]]:
    return lambda url, to: ["lftp", "-c", f'set xfer:clobber yes; {verb} "{url}" -o "{to}"']


def pip(url: str, to: Path) -> list[object]:
    return [place.PYTHON, "-m", "pip", "download", "-q", "--no-deps", "--no-cache-dir", "-d", to.parent, url]


def pip_metadata(url: str, to: Path) -> list[object]:
    return [place.PYTHON, "-m", "pip", "download", "-q", "--use-feature=fast-deps", "--no-cache-dir", "-d", to.parent, url]


def zsync(url: str, to: Path) -> list[object]:
    """Gets what differs from an older file; the content is there to make the list of its pieces from."""
    return ["sh", place.DRIVERS / "zsync.sh", url, to]


def npm_pack(url: str, to: Path) -> list[object]:
    return ["npm", "pack", "--silent", "--pack-destination", to.parent, url]


CLIENTS = [
    Client("curl", lambda: said("curl", "--version"), lambda u, t: ["curl", "-sSf", "-o", t, u], lambda u, t: ["curl", "-sSf", "-C", "-", "-o", t, u]),
    Client("wget", lambda: said("wget", "--version"), lambda u, t: ["wget", "-q", "-O", t, u], lambda u, t: ["wget", "-q", "-c", "-O", t, u]),
    Client("wget2 --chunk-size", debian("wget2", "wget2"), lambda u, t: ["wget2", "-q", "--chunk-size=1M", "-O", t, u]),
    Client(
        "aria2c -x4", debian("aria2", "aria2c"),
        lambda u, t: ["aria2c", "-q", "-x4", "-s4", "-k1M", "--allow-overwrite=true", "-d", t.parent, "-o", t.name, u],
        lambda u, t: ["aria2c", "-q", "-c", "-d", t.parent, "-o", t.name, u],
    ),
    Client("axel -n 4", debian("axel", "axel"), lambda u, t: ["axel", "-q", "-n", "4", "-o", t, u]),
    Client("lftp get", debian("lftp", "lftp"), lftp("get"), lftp("get -c")),
    Client("lftp pget -n 4", debian("lftp", "lftp"), lftp("pget -n 4")),
    Client("rclone copyurl", debian("rclone", "rclone"), lambda u, t: ["rclone", "copyurl", u, t]),
    Client("httpie", debian("httpie", "http"), lambda u, t: ["http", "--ignore-stdin", "-q", "-d", "-o", t, u], lambda u, t: ["http", "--ignore-stdin", "-q", "-d", "-c", "-o", t, u]),
    Client("Python urllib", own_python, python("urllib", "python3")),
    *(Client(name, pypi(name), python(name)) for name in ("requests", "httpx", "niquests", "urllib3", "aiohttp", "fsspec")),
    Client("pip download", pypi("pip"), pip),
    Client("pip, fast-deps", pypi("pip"), pip_metadata),
    Client("yt-dlp", pypi("yt-dlp"), lambda u, t: [place.PYTHON, "-m", "yt_dlp", "-q", "--fixup", "never", "-o", t, u]),
    Client("zsync", debian("zsync", "zsync"), zsync),
    Client("Node fetch", lambda: said("node", "--version"), node("fetch")),
    *(Client(name, npm(name), node(name)) for name in ("got", "axios", "undici")),
    Client("npm pack", lambda: said("npm", "--version") if shutil.which("npm") else None, npm_pack),
    Client("Go net/http", go, lambda u, t: [place.go(), "fetch", u, t], lambda u, t: [place.go(), "fetch", u, t]),
    Client("Java HttpClient", jdk, java, java_on),
    Client("ffmpeg", debian("ffmpeg", "ffmpeg"), lambda u, t: ["ffmpeg", "-loglevel", "error", "-nostdin", "-i", u, "-c", "copy", "-y", t]),
    Client("ffprobe", debian("ffmpeg", "ffprobe"), lambda u, t: ["ffprobe", "-loglevel", "error", "-count_packets", "-show_streams", u]),
    Client("mpv", debian("mpv", "mpv"), lambda u, t: ["mpv", "--really-quiet", "--no-config", f"--stream-record={t}", "--ao=null", "--vo=null", "--untimed", u]),
]

#: What each needs to find at its URL, where that is not any file.
KINDS = {
    "pip download": "wheel", "pip, fast-deps": "wheel", "npm pack": "tarball", "yt-dlp": "sound",
    "ffmpeg": "film", "ffprobe": "film", "mpv": "film",
}

#: Those that save no file, or another: their exit code says whether they read it.
PLAYERS = {"ffmpeg", "ffprobe", "mpv"}


def run(command: list[object], content: Path) -> str:
    """Runs a client; returns what went wrong."""
    environment = {
        **os.environ, "CONTENT": str(content), "LC_ALL": "C.UTF-8", "NODE_MODULES": str(place.NODE), "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1",
    }
    try:
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, timeout=60, stdin=subprocess.DEVNULL, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    if done.returncode == 0:
        return ""
    answer = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    return f"exit code {done.returncode}: {short(answer[-1] if answer else '')}"


def fetched(client: Client, url: str, content: bytes, part: int = 0) -> str:
    """Downloads with a client, from a part on if there is one; returns what is wrong with the result."""
    with tempfile.TemporaryDirectory(prefix="works-with-") as temporary:
        saved = Path(temporary) / "saved"
        saved.mkdir()
        original = Path(temporary) / "original"
        original.write_bytes(content)
        to = saved / url.rsplit("/", 1)[1]
        if part:
            to.write_bytes(content[:part])
        make = client.resume if part else client.get
        wrong = run(make(url, to), original)
        if wrong or client.name in PLAYERS:
            return wrong
        found = to if to.exists() else next((path for path in saved.iterdir()), None)
        if found is None:
            return "no file was saved"
        have = found.read_bytes()
        if have == content:
            return ""
        return f"{len(have)} bytes, and not the {len(content)} of the file"
