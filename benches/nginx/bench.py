#!/usr/bin/env python3
"""Compares the nginx module with what else nginx sends files and archives by: the same bytes, in turns.

    benches/nginx/bench.py --holdall target/release/holdall [--mod-zip MODULE] [--rounds 7]

Files of 4 KiB by `wrk` and one of 1 GiB by `curl -o /dev/null`: against nginx's own static files, those behind
`secure_link`, and `X-Accel-Redirect` of an application that costs next to nothing, another nginx. Archives of 10,000
files of 4 KiB and of 4 large ones: against the same archive as a static file, mod_zip (benches/nginx/mod_zip builds
it), with the CRCs in its list and without, and net/http with archive/zip where Go is. The list comes from that
application, too. Of the small files' archive, the first byte and a transfer that is resumed in its middle besides.

Each round measures all sides of a work, in an order that changes; a row is the median of the rounds' ratios, printed
as `make bench` does. The processor time is the worker's, which other load on the machine disturbs less. nginx has one
worker, so that server and client have a core each on a machine of two.
"""

import argparse
import base64
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL = 4096
URLS = 1000
FILES = 10_000
MEMBERS = 4
SECRET = "a secret of nginx"

COMMON = """
{user}
worker_processes 1;
daemon off;
pid "{run}/{name}.pid";
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    client_body_temp_path "{run}/t1"; proxy_temp_path "{run}/t2"; fastcgi_temp_path "{run}/t3";
    uwsgi_temp_path "{run}/t4"; scgi_temp_path "{run}/t5";
    {http}
}}
"""

# The application: it decides nothing, and answers from memory or a file.
APPLICATION = """
    server {{
        listen unix:{run}/application;
        location ~ ^/accel(?<path>/.*)$ {{
            add_header X-Accel-Redirect "/hidden$path";
            return 200;
        }}
        location /lists/ {{
            root "{run}";
            add_header X-Archive-Files zip;
        }}
    }}
"""

SERVER = """
    {static}
    upstream application {{ server unix:{run}/application; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location / {{ holdall "{store}"; }}
        location /static/ {{ root "{run}"; }}
        location /secure/ {{
            secure_link $arg_md5,$arg_expires;
            secure_link_md5 "$secure_link_expires$uri {secret}";
            if ($secure_link = "") {{ return 403; }}
            if ($secure_link = "0") {{ return 410; }}
            alias "{run}/static/";
        }}
        location /hidden/ {{ internal; alias "{run}/static/"; }}
        location /accel/ {{ proxy_pass http://application; }}
        # The range is of the archive, not of its list.
        location /lists/ {{ proxy_pass http://application; proxy_set_header Range ""; }}
    }}
"""

UNITS = {"speed": "MiB/s", "first byte": "ms", "requests": "requests/s"}


@dataclass
class Side:
    """One way of serving, and what was measured of it."""

    name: str
    targets: list[str]
    figures: dict[str, list[float]] = field(default_factory=dict)
    cpu: list[float] = field(default_factory=list)  # of the worker: us a request or ms a GiB

    def add(self, figure: str, value: float) -> None:
        self.figures.setdefault(figure, []).append(value)


@dataclass
class Work:
    """What is sent: by the module, the first side, and by others."""

    row: str
    titles: dict[str, str]  # a row for each figure
    sides: list[Side]
    goals: dict[tuple[str, str], float] = field(default_factory=dict)
    start: int | None = None  # where a transfer is resumed


class Nginx:
    """nginx with one worker, whose processor time is reported."""

    def __init__(self, run: Path, name: str, http: str, modules: list[Path], ready: str):
        config = run / f"{name}.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        loaded = "".join(f'load_module "{module}";\n' for module in modules)
        config.write_text(loaded + COMMON.format(user=user, run=run, name=name, http=http))
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([binary, "-c", config, "-e", "stderr"])
        for _ in range(200):
            children = subprocess.run(
                ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True
            ).stdout
            if children and answers(ready):
                self.worker = int(children.split()[0])
                return
            time.sleep(0.05)
        raise SystemExit(f"nginx ({name}) did not start")

    def cpu(self) -> float:
        """Seconds of processor time that the worker had: exact, where ticks are not."""
        return int(Path(f"/proc/{self.worker}/schedstat").read_text().split()[0]) / 1e9

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def answers(url: str) -> bool:
    """Returns whether a URL answers, or a socket by its path is there."""
    if url.startswith("/"):
        return Path(url).exists()
    try:
        urllib.request.urlopen(url, timeout=1).read(1)
    except OSError:
        return False
    return True


def transfer(nginx: Nginx, base: str, side: Side, start: int | None) -> None:
    """Downloads once with curl, from `start` on if it is given: speed, and milliseconds to the first byte."""
    form = "%{size_download} %{time_starttransfer} %{time_total} %{http_code}"
    command = ["curl", "-sSf", "-o", os.devnull, "-w", form]
    if start is not None:
        command += ["-r", f"{start}-"]
    target = side.targets[0]
    ours = not target.startswith("http")
    before = nginx.cpu()
    done = subprocess.run(
        [*command, base + target if ours else target],
        capture_output=True,
        text=True,
        check=True,
    )
    size, first, took, status = (float(word) for word in done.stdout.split())
    if status != (200 if start is None else 206):
        raise SystemExit(f"{side.name}: status {status:.0f}")
    side.add("speed", size / took / (1 << 20))
    side.add("first byte", first * 1e3)
    if ours:
        side.cpu.append((nginx.cpu() - before) / size * (1 << 30) * 1e3)


def request(nginx: Nginx, base: str, side: Side, run: Path, seconds: int) -> None:
    """Asks for small files with wrk: requests/s."""
    script = run / "wrk.lua"
    listed = ",".join(json.dumps(target) for target in side.targets)
    script.write_text(
        f"local t={{{listed}}}\nlocal n=0\nfunction request() n=n%#t+1 return wrk.format(nil,t[n]) end\n"
        "function done(s) io.write(string.format('%d %d %d %d\\n', s.requests, s.duration, s.errors.timeout,"
        " s.errors.status + s.errors.read + s.errors.write + s.errors.connect)) end\n"
    )
    before = nginx.cpu()
    done = subprocess.run(
        ["wrk", "-t1", "-c32", f"-d{seconds}s", "-s", script, base],
        capture_output=True,
        text=True,
        check=True,
    )
    requests, micros, late, errors = (int(word) for word in done.stdout.splitlines()[-1].split())
    if errors:
        raise SystemExit(f"{side.name}: {errors} of {requests} requests failed")
    if late:  # nobody answers for two seconds but on a machine that did something else
        print(f"{side.name}: {late} requests were late; this round is made again", file=sys.stderr)
        request(nginx, base, side, run, seconds)
        return
    side.add("requests", requests / micros * 1e6)
    side.cpu.append((nginx.cpu() - before) / requests * 1e6)


def secure(path: str) -> str:
    """Signs a path for secure_link."""
    expires = int(time.time()) + 43_200
    digest = hashlib.md5(f"{expires}{path} {SECRET}".encode()).digest()
    return f"{path}?md5={base64.urlsafe_b64encode(digest).decode().rstrip('=')}&expires={expires}"


def lists(run: Path, name: str, folder: Path) -> None:
    """Writes mod_zip's lists of a folder: with CRCs and without."""
    whole, bare = [], []
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        rest = f"{len(content)} /hidden/{folder.name}/{path.name} {name}/{path.name}"
        whole.append(f"{zlib.crc32(content):08x} {rest}\n")
        bare.append(f"- {rest}\n")
    (run / "lists" / name).write_text("".join(whole))
    (run / "lists" / f"{name}-bare").write_text("".join(bare))


def fill(holdall: str, run: Path, store: Path, mib: int) -> dict[str, str]:
    """Makes the store, and the same bytes as static files; returns the URLs of archives and the large file."""

    def ask(*args):
        command = [holdall, "--store", store, "--json", *args]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    def put_and_link(path: Path, to: str) -> None:
        """Puts a large file; the static one is the very same, and with it what the system keeps of it in memory."""
        there = set((store / "blob").rglob("*"))
        ask("put", path, "--to", to)
        stored = set((store / "blob").rglob("*")) - there
        path.unlink()
        os.link(max(stored, key=lambda path: path.stat().st_size), path)

    static = run / "static"
    for folder in ("small", "large"):
        (static / folder).mkdir(parents=True)
    (run / "lists").mkdir()
    for number in range(FILES):
        (static / "small" / f"{number:05}").write_bytes(os.urandom(SMALL))
    ask("put", static / "small", "--to", "small")
    blob = static / "blob"
    for number in range(MEMBERS):
        with (static / "large" / str(number)).open("wb") as file, blob.open("ab") as whole:
            for _ in range(mib // MEMBERS):
                block = os.urandom(1 << 20)
                file.write(block)
                whole.write(block)
        put_and_link(static / "large" / str(number), f"large/{number}")
    put_and_link(blob, "blob")
    urls = {"blob": ask("url", "blob", "--expires", "12h")["url"]}
    for name in ("small", "large"):
        urls[name] = ask("archive", name, "--expires", "12h")["url"]
        ask("archive", name, "-o", static / f"{name}.zip")
        lists(run, name, static / name)
    for number in range(URLS):
        urls[f"{number}"] = ask("url", f"small/{number:05}", "--expires", "12h")["url"]
    return urls


def works(
    run: Path, urls: dict[str, str], mib: int, mod_zip: bool, go: str | None
) -> dict[str, Work]:
    """Says what is measured against what."""
    small = [f"small/{number:05}" for number in range(URLS)]

    def nginx_sides(paths: list[str]) -> list[Side]:
        return [
            Side("nginx static", [f"/static/{path}" for path in paths]),
            Side("secure_link", [secure(f"/secure/{path}") for path in paths]),
            Side("X-Accel-Redirect", [f"/accel/{path}" for path in paths]),
        ]

    def archive(name: str) -> list[Side]:
        sides = [
            Side("module", [urls[name]]),
            Side("the same archive, static", [f"/static/{name}.zip"]),
        ]
        if mod_zip:
            sides.append(Side("mod_zip", [f"/lists/{name}"]))
        return sides

    def without_crc(name: str) -> list[Side]:
        return [Side("mod_zip without CRCs", [f"/lists/{name}-bare"])] if mod_zip else []

    others = [Side("Go net/http + archive/zip", [go + "/small"])] if go else []
    # A resumed transfer of mod_zip takes CRCs, and Go's writer has no ranges.
    half = (run / "static/small.zip").stat().st_size // 2
    return {
        "4 KiB": Work(
            "10",
            {"requests": "nginx: send 4 KiB files"},
            [Side("module", [urls[f"{number}"] for number in range(URLS)]), *nginx_sides(small)],
            {("requests", "secure_link"): 0.7},
        ),
        "blob": Work(
            "10",
            {"speed": f"nginx: send a file of {mib} MiB"},
            [Side("module", [urls["blob"]]), *nginx_sides(["blob"])],
            {("speed", "secure_link"): 0.95},
        ),
        "small": Work(
            "12",
            {
                "speed": "nginx: zip 10 000 x 4 KiB",
                "first byte": "nginx: first byte of a zip of 10 000 files",
            },
            [*archive("small"), *without_crc("small"), *others],
            {("speed", "the same archive, static"): 0.6, ("speed", "mod_zip"): 4},
        ),
        "resume": Work(
            "15",
            {"speed": "nginx: zip 10 000 x 4 KiB, resumed in the middle"},
            archive("small"),
            start=half,
        ),
        "large": Work(
            "13",
            {"speed": f"nginx: zip {MEMBERS} x {mib // MEMBERS} MiB"},
            [*archive("large"), *without_crc("large")],
            {("speed", "the same archive, static"): 0.95},
        ),
    }


def tell(work: Work) -> None:
    """Prints the rows of a work: how many times as fast the module is as each other."""
    ours, *others = work.sides
    for figure, title in work.titles.items():
        for peer in others:
            pairs = zip(ours.figures[figure], peer.figures[figure], strict=True)
            sooner = figure == "first byte"
            ratios = [their / own if sooner else own / their for own, their in pairs]
            ratio = statistics.median(ratios)
            goal = work.goals.get((figure, peer.name))
            reach = "" if goal is None else f">= {goal:g}"
            verdict = "" if goal is None else "ok" if ratio >= goal else "SHORT"
            own, their = (statistics.median(side.figures[figure]) for side in (ours, peer))
            times = f"{own:.4g} and {their:.4g} {UNITS[figure]} ({' '.join(f'{one:.2f}' for one in ratios)})"
            if peer.cpu and figure != "first byte":
                cpu, their_cpu = (statistics.median(side.cpu) for side in (ours, peer))
                per = "us a request" if figure == "requests" else "ms a GiB"
                times += f"; the worker's processor {cpu:.3g} and {their_cpu:.3g} {per}"
            print(
                f"| {work.row} | {title} | {peer.name} | {ratio:.2f} | {reach} | {verdict} | {times} |",
                flush=True,
            )


def go_server(run: Path) -> tuple[subprocess.Popen | None, str | None]:
    """Starts the program in Go over the static files; returns nothing where Go is not."""
    if shutil.which("go") is None:
        return None, None
    program = run / "go-zip"
    subprocess.run(["go", "build", "-o", program, ROOT / "benches/go/zip.go"], check=True, cwd=run)
    process = subprocess.Popen(
        [program, "--serve", run / "static"], stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip()


def version(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).strip()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--holdall", default="holdall")
    parser.add_argument(
        "--module", type=Path, default=ROOT / "examples/nginx/build/ngx_http_holdall_module.so"
    )
    parser.add_argument("--mod-zip", type=Path, help="mod_zip's module; else it is left out")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--mib", type=int, default=1024, help="of the large file, and of all large members"
    )
    parser.add_argument("--seconds", type=int, default=2, help="of one round of wrk")
    parser.add_argument("--port", type=int, default=18429)
    parser.add_argument("--dir", help="where the files go; 4 times --mib are needed")
    parser.add_argument("--only", default="", help="4 KiB, blob, small, resume or large")
    parser.add_argument(
        "--cached", action="store_true", help="let nginx keep static files open (open_file_cache)"
    )
    args = parser.parse_args()
    for tool in ("curl", "wrk", "pgrep"):
        if shutil.which(tool) is None:
            print(f"missing: {tool}; on Debian: apt-get install curl wrk procps", file=sys.stderr)
            return 1
    with tempfile.TemporaryDirectory(prefix="holdall-bench-", dir=args.dir) as directory:
        run = Path(directory)
        run.chmod(0o755)
        store = run / "store"
        urls = fill(args.holdall, run, store, args.mib)
        static = "open_file_cache max=10000; open_file_cache_valid 1h;" if args.cached else ""
        base = f"http://127.0.0.1:{args.port}"
        http = SERVER.format(run=run, store=store, port=args.port, static=static, secret=SECRET)
        modules = [args.module.resolve(), *([args.mod_zip.resolve()] if args.mod_zip else [])]
        running: list = []
        try:
            running.append(
                Nginx(run, "application", APPLICATION.format(run=run), [], f"{run}/application")
            )
            nginx = Nginx(run, "nginx", http, modules, base + "/static/small/00000")
            running.append(nginx)
            go, go_base = go_server(run)
            said = version(shutil.which("nginx") or "/usr/sbin/nginx", "-v").rpartition("/")[2]
            zip_said = f", mod_zip {modules[-1].parent.name.removeprefix('objs-')[:12]}"
            go_said = f", Go {version('go', 'env', 'GOVERSION').removeprefix('go')}" if go else ""
            print(f"versions: nginx {said}{zip_said * bool(args.mod_zip)}{go_said}", flush=True)
            for name, work in works(run, urls, args.mib, bool(args.mod_zip), go_base).items():
                if args.only not in name:
                    continue
                for number in range(args.rounds + 1):
                    at = number % len(work.sides)
                    for side in work.sides[at:] + work.sides[:at]:
                        if name == "4 KiB":
                            request(nginx, base, side, run, args.seconds)
                        else:
                            transfer(nginx, base, side, work.start)
                        if number == 0:  # for nothing: the caches are warm, then
                            side.figures, side.cpu = {}, []
                tell(work)
        finally:
            for server in running:
                server.stop()
            if "go" in locals() and go:
                go.terminate()
                go.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
