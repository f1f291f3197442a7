"""What the pages of hosts tell a reader to type, typed: `python3 -m tests.hosts.pages BUILT [LANGUAGE...]`.

BUILT is the folder that cargo builds into. A block of a shell runs as it stands, in a copy of its example, with only
the port and the folder of the store replaced.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .host import ROOT

WANTED = {
    "c": ["quarterly figures\nquarterly", '"code":0', '"drive_id"'],
    "cpp": ["quarterly figures\nquarterly", '"code":0', '"drive_id"'],
    "go": ["quarterly"],
    "node": ["quarterly"],
    "java": ["quarterly"],
}
"""What the commands of a page print, in this order."""

TOOLS = {"go": ["go"], "node": ["node", "npm"], "java": ["java", "mvn"]}
NOT_TYPED = "pkg-config --cflags --libs holdall"
"""A line with this takes a library that is installed; `make dist` installs one."""

RUST = {
    "http/README.md": "http/examples/axum.rs",
    "docs/rust/hyper.md": "http/examples/hyper.rs",
    "docs/rust/actix.md": "examples/actix/src/main.rs",
    "docs/rust/salvo.md": "examples/salvo/src/main.rs",
}
"""Pages of servers in Rust, and the programs that they show."""

WAIT = 'for i in {1..300}; do (: </dev/tcp/127.0.0.1/%s) 2>/dev/null && break; sleep 0.1; done'


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def typed(text: str, folder: Path, built: Path) -> subprocess.CompletedProcess:
    """Types a block; a reader sees that the server is there before he types the next line."""
    port = free_port()
    text = re.sub(r"\b808[0-9]\b", port, text)
    text = re.sub(r" &$", f" & {WAIT % port}", text, flags=re.MULTILINE)
    # A reader of a page has a terminal, whose shell has jobs.
    script = f"set -meuo pipefail; trap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n{text}"
    environment = {**os.environ, "HOLDALL_LIB_DIR": str(built), "MAKEFLAGS": ""}
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def example(language: str, built: Path, change=lambda text: text) -> str:
    """Types the blocks of an example's page; returns what is wrong, or nothing."""
    with tempfile.TemporaryDirectory(prefix="holdall-pages-") as room:
        root = Path(room)
        folder = root / "examples" / language
        shutil.copytree(ROOT / "examples" / language, folder, ignore=shutil.ignore_patterns("build"))
        shutil.copy(ROOT / "examples/holdall.mk", root / "examples")
        (root / "include").symlink_to(ROOT / "include")
        said = ""
        for block in blocks(f"examples/{language}/README.md", "sh"):
            if NOT_TYPED in block:
                print(f"left out, as it takes a library that is installed: {language}: {block.strip()}", flush=True)
                continue
            done = typed(change(block), folder, built)
            said += done.stdout
            if done.returncode != 0:
                return f"{block}ended with {done.returncode}: {done.stderr[-2000:]}"
    at = 0
    for part in WANTED[language]:
        at = said.find(part, at)
        if at < 0:
            return f"{part!r} is not in what the commands printed: {said[-2000:]}"
        at += len(part)
    return ""


def nginx(built: Path) -> str:
    """Types the block of nginx's page, whose last line serves in the foreground, and fetches a file."""
    (block,) = blocks("examples/nginx/README.md", "sh")
    holdall = built / "holdall"
    with tempfile.TemporaryDirectory(prefix="holdall-pages-") as room:
        root = Path(room)
        folder, store = root / "examples" / "nginx", root / "files"
        shutil.copytree(ROOT / "examples" / "nginx", folder, ignore=shutil.ignore_patterns("build"))
        (root / "include").symlink_to(ROOT / "include")
        (root / "report.txt").write_text("quarterly figures\n")
        command = [holdall, "--store", store, "--json"]
        environment = {**os.environ, "HOLDALL_BASE_URL": "/", "HOLDALL_DRIVE": "main"}
        for words in (["put", root / "report.txt", "--to", "report.txt"], ["url", "report.txt"]):
            done = subprocess.run([*command, *words], capture_output=True, check=True, env=environment)
        url = json.loads(done.stdout)["url"]
        text = block.replace("/srv/files", str(store)).replace("PORT=8080 ", "PORT=8080 & #")
        text = re.sub(r" & #.*$", " &", text, flags=re.MULTILINE)
        library = f"export HOLDALL_LIB='{built}/libholdall_c.a'\n"
        done = typed(f"{library}{text}curl -sS 'http://127.0.0.1:8080{url}'\n", folder, built)
    right = done.returncode == 0 and done.stdout.endswith("quarterly figures\n")
    return "" if right else f"{done.stdout[-1000:]}{done.stderr[-2000:]}"


def rust(page: str, built: Path) -> str:
    """Compares a page with its program, and types its upload and download where the program is built."""
    shown = "".join(blocks(page, "rust,ignore"))
    program = (ROOT / RUST[page]).read_text()
    if shown not in (program, program.split("\n", 2)[2]):
        return f"{page} does not show {RUST[page]}"
    name = Path(RUST[page]).stem
    server = built / "examples" / name
    if name == "main":
        server = ROOT / "examples/target/debug" / Path(page).stem
        if not server.exists():
            print(f"left out, as make hosts-all builds it: {server.name}", flush=True)
            return ""
    lines = [line[2:] for block in blocks(page, "console") for line in block.splitlines() if "PORT" in line]
    with tempfile.TemporaryDirectory(prefix="holdall-pages-") as room:
        here = Path(room)
        (here / "notes.txt").write_text("notes")
        (here / "got").mkdir()
        process = subprocess.Popen([server, here / "files"], stdout=subprocess.PIPE, text=True)
        try:
            port = process.stdout.readline().strip().rpartition(":")[2]
            lines[-1] = f"cd got; {lines[-1]}"
            done = typed("\n".join(lines).replace("PORT", port), here, built)
            got = [file.read_text() for file in (here / "got").iterdir()]
        finally:
            process.terminate()
            process.wait(20)
    return "" if (done.returncode, got) == (0, ["notes"]) else f"{page} gave {got}: {done.stderr[-2000:]}"


def main() -> int:
    built, only = Path(sys.argv[1]).resolve(), sys.argv[2:]
    begun, counts = time.monotonic(), [0, 0]

    def count(name: str, wrong: str) -> None:
        counts[bool(wrong)] += 1
        print(f"test pages.{name} ... {f'FAILED: {wrong}' if wrong else 'ok'}", flush=True)

    for language in WANTED:
        if only and language not in only:
            continue
        if any(shutil.which(tool) is None for tool in TOOLS.get(language, [])):
            print(f"left out, as its tools are not here: {language}", flush=True)
            continue
        count(language, example(language, built))
    if not only or "nginx" in only:
        count("nginx", nginx(built))
    for page in RUST:
        if not only or "rust" in only:
            count(page, rust(page, built))
    # The control: a page that is wrong in one word is seen.
    for word, other in (("make\n", "make none\n"), ("/upload/", "/uploads/"), ("$url", "${url}x")):
        if not only or "c" in only:
            wrong = example("c", built, lambda text: text.replace(word, other))
            count(f"control.{word.strip()}", "" if wrong else "a wrong command is not seen")
    word = "FAILED" if counts[1] else "ok"
    took = f"finished in {time.monotonic() - begun:.2f}s"
    print(f"test result: {word}. {counts[0]} passed; {counts[1]} failed; 0 ignored; 0 measured; 0 filtered out; {took}")
    return 1 if counts[1] else 0


if __name__ == "__main__":
    sys.exit(main())
