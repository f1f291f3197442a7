#!/usr/bin/env python3
"""Compares the nginx module with nginx's own static files: the same bytes, one nginx, in turns.

    benches/nginx/bench.py --holdall target/release/holdall [--rounds 7] [--mib 1024]

Three pairs: one large blob and an archive of large blobs by `curl -o /dev/null`, files of 4 KiB by
`wrk`. Each round measures both sides of a pair, in an order that changes; what is reported is the
median of the rounds, and the processor time of the worker for the same work, which other load on
the machine disturbs less. nginx has one worker, so that server and client have a core each on a
machine of two.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL = 4096
FILES = 1000
MEMBERS = 8
CONFIG = """
load_module "{module}";
{user}
worker_processes 1;
daemon off;
pid "{run}/pid";
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    {static}
    client_body_temp_path "{run}/t1"; proxy_temp_path "{run}/t2"; fastcgi_temp_path "{run}/t3";
    uwsgi_temp_path "{run}/t4"; scgi_temp_path "{run}/t5";
    server {{
        listen 127.0.0.1:{port};
        location / {{ holdall "{store}"; }}
        location /static/ {{ root "{run}"; }}
    }}
}}
"""


@dataclass
class Side:
    """One way of serving, and what was measured of it."""

    name: str
    targets: list[str]
    figures: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)  # of the worker, per request or per GiB


class Nginx:
    """nginx with one worker, whose processor time is reported."""

    def __init__(self, run: Path, store: Path, module: Path, port: int, cached: bool):
        self.base = f"http://127.0.0.1:{port}"
        config = run / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        static = "open_file_cache max=10000; open_file_cache_valid 1h;" if cached else ""
        config.write_text(
            CONFIG.format(module=module, user=user, run=run, store=store, port=port, static=static)
        )
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([binary, "-c", config, "-e", "stderr"])
        for _ in range(200):
            children = subprocess.run(
                ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True
            ).stdout
            if children and self.answers():
                self.worker = int(children.split()[0])
                return
            time.sleep(0.05)
        raise SystemExit("nginx did not start")

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(self.base + "/static/small/0", timeout=1).read()
            return True
        except OSError:
            return False

    def cpu(self) -> float:
        """Seconds of processor time that the worker had: exact, where ticks are not."""
        return int(Path(f"/proc/{self.worker}/schedstat").read_text().split()[0]) / 1e9

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def transfer(nginx: Nginx, side: Side) -> None:
    """Downloads once with curl: MiB/s."""
    before = nginx.cpu()
    done = subprocess.run(
        [
            "curl",
            "-sSf",
            "-o",
            "/dev/null",
            "-w",
            "%{size_download} %{time_total}",
            nginx.base + side.targets[0],
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    size, took = (float(word) for word in done.stdout.split())
    side.figures.append(size / took / (1 << 20))
    side.cpu_s.append((nginx.cpu() - before) / size * (1 << 30))


def request(nginx: Nginx, side: Side, run: Path, seconds: int) -> None:
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
        ["wrk", "-t1", "-c32", f"-d{seconds}s", "-s", script, nginx.base],
        capture_output=True,
        text=True,
        check=True,
    )
    requests, micros, late, errors = (int(word) for word in done.stdout.splitlines()[-1].split())
    if errors:
        raise SystemExit(f"{side.name}: {errors} of {requests} requests failed")
    if late:  # nobody answers for two seconds but on a machine that did something else
        print(f"{side.name}: {late} requests were late; this round is made again", file=sys.stderr)
        request(nginx, side, run, seconds)
        return
    side.figures.append(requests / micros * 1e6)
    side.cpu_s.append((nginx.cpu() - before) / requests)


def fill(holdall: str, run: Path, store: Path, mib: int) -> dict[str, tuple[Side, Side]]:
    """Makes the store, and the same bytes as static files."""

    def ask(*args):
        command = [holdall, "--store", store, "--json", *args]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    static = run / "static"
    (static / "small").mkdir(parents=True)
    (static / "large").mkdir()
    for number in range(FILES):
        (static / "small" / str(number)).write_bytes(os.urandom(SMALL))
    for number in range(MEMBERS):
        with open(static / "large" / str(number), "wb") as file:
            for _ in range(mib // MEMBERS):
                file.write(os.urandom(1 << 20))
    with open(static / "blob", "wb") as file:
        for number in range(MEMBERS):
            shutil.copyfileobj(open(static / "large" / str(number), "rb"), file, 1 << 20)
    ask("put", static / "blob", "--to", "blob")
    # The very same file on both sides: what the system keeps of it in memory is the same too.
    (static / "blob").unlink()
    os.link(max((store / "blob").rglob("*"), key=lambda path: path.stat().st_size), static / "blob")
    ask("put", static / "small", "--to", "small")
    ask("put", static / "large", "--to", "large")
    archive = ask("archive", "large", "--expires", "12h")["url"]
    ask("archive", "large", "-o", static / "zip")
    shutil.rmtree(static / "large")
    small = [ask("url", f"small/{number}", "--expires", "12h")["url"] for number in range(FILES)]
    blob = ask("url", "blob", "--expires", "12h")["url"]
    return {
        "blob": (Side("module", [blob]), Side("static", ["/static/blob"])),
        "archive": (Side("module", [archive]), Side("static", ["/static/zip"])),
        "4 KiB": (
            Side("module", small),
            Side("static", [f"/static/small/{number}" for number in range(FILES)]),
        ),
    }


def tell(pair: str, module: Side, static: Side, unit: str, per: str, scale: float) -> None:
    ours, theirs = statistics.median(module.figures), statistics.median(static.figures)
    cpu, their_cpu = (
        statistics.median(module.cpu_s) * scale,
        statistics.median(static.cpu_s) * scale,
    )
    spread = " ".join(f"{a / b:.2f}" for a, b in zip(module.figures, static.figures))
    against = their_cpu / max(cpu, 1e-9)
    print(
        f"{pair:8} {ours:9.0f} {unit} by the module, {theirs:9.0f} static: {ours / theirs:.2f} ({spread})"
    )
    print(f"{'':8} {cpu:9.1f} {per} of the processor, {their_cpu:9.1f} static: {against:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--holdall", default="holdall")
    parser.add_argument(
        "--module", type=Path, default=ROOT / "examples/nginx/build/ngx_http_holdall_module.so"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--seconds", type=int, default=3, help="of one round of wrk")
    parser.add_argument("--port", type=int, default=18429)
    parser.add_argument("--dir", help="where the files go; 4 times --mib are needed")
    parser.add_argument("--only", default="", help="blob, archive or 4 KiB")
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
        os.chmod(run, 0o755)
        pairs = fill(args.holdall, run, run / "store", args.mib)
        nginx = Nginx(run, run / "store", args.module.resolve(), args.port, args.cached)
        try:
            for name, sides in pairs.items():
                if args.only not in name:
                    continue

                def measure(side: Side, small: bool = name == "4 KiB") -> None:
                    if small:
                        request(nginx, side, run, args.seconds)
                    else:
                        transfer(nginx, side)

                for side in sides:  # once for nothing: the caches are warm, then
                    measure(side)
                    side.figures.clear(), side.cpu_s.clear()
                for number in range(args.rounds):
                    for side in sides if number % 2 == 0 else sides[::-1]:
                        measure(side)
                if name == "4 KiB":
                    tell(name, *sides, "requests/s", "us a request", 1e6)
                else:
                    tell(name, *sides, "MiB/s", "ms a GiB", 1e3)
        finally:
            nginx.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
