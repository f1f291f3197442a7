#!/usr/bin/env python3
"""Runs the benchmarks of the nginx module and the Python package, as `make bench-hosts` asks, and merges their rows.

    benches/hosts.py --holdall PROGRAM --python PYTHON [--mod-zip MODULE] [--runs 2] [--only nginx] OUT.csv

PYTHON is that of an environment with the package and its extra `bench`. Where it is allowed, they run at real-time
priority, so that other work does not hold up the processors. OUT gets the rows in which more is better, with the lowest
and the highest ratio of the runs, for docs/figures/plot.py.
"""

import argparse
import csv
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REAL_TIME = ["chrt", "-f", "50"]


def real_time() -> list[str]:
    """Returns what gives a command real-time priority, if we may."""
    try:
        allowed = subprocess.run([*REAL_TIME, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    return REAL_TIME if allowed else []


def run(command: list[str]) -> tuple[list[list[str]], str]:
    """Runs a benchmark, shows what it prints, and returns the cells of its rows and its versions."""
    rows, versions = [], ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) == 7:
                rows.append(cells)
            elif line.startswith("versions: "):
                versions = line.removeprefix("versions: ").strip()
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return rows, versions


def machine() -> str:
    """Says where, when and of which commit the runs are."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.split(": ")[1] for line in info if line.startswith("model name")), "?")
    described = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(described, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    now = datetime.now(UTC).date()
    system = f"{os.cpu_count()} cores, Linux {platform.release()}, load {os.getloadavg()[0]:.1f}"
    return f"{now} at {commit}: {processor}, {system}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--holdall", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--mod-zip", help="mod_zip's module; without it, mod_zip is left out")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--only", default="", help="nginx or python")
    asked = parser.parse_args()
    nginx = [sys.executable, str(ROOT / "benches/nginx/bench.py"), "--holdall", asked.holdall]
    if asked.mod_zip:
        nginx += ["--mod-zip", asked.mod_zip]
    commands = {"nginx": nginx, "python": [asked.python, str(ROOT / "python/bench.py")]}
    priority, begun = real_time(), machine()
    ratios: dict[tuple[str, str, str], list[float]] = {}
    versions = {}
    print("| row | work | against | figure | to reach | | times |\n|---|---|---|---|---|---|---|")
    for _ in range(asked.runs):
        for name, command in commands.items():
            if asked.only not in name:
                continue
            rows, versions[name] = run([*priority, *command])
            for _, work, peer, ratio, reach, _, _ in rows:
                if not reach.startswith("<="):
                    key = (work, peer, reach.removeprefix(">= "))
                    ratios.setdefault(key, []).append(float(ratio))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    with asked.out.open("w", newline="") as file:
        file.write(f"# make bench-hosts on {begun}\n")
        at = " at real-time priority" if priority else ""
        file.write(f"# {asked.runs} runs{at}; {', '.join(versions.values())}\n")
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["work", "peer", "lowest", "highest", "goal"])
        for (work, peer, goal), found in ratios.items():
            out.writerow([work, peer, min(found), max(found), goal])
    print(f"{asked.out}: docs/figures/plot.py draws it")


if __name__ == "__main__":
    main()
