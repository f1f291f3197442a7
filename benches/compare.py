#!/usr/bin/env python3
"""Says what got slower between two builds by more than the noise.

    benches/compare.py --rev main [--rounds 7] [name...]        builds that revision and the tree
    benches/compare.py --old BINARY --new BINARY [name...]      compares two that are built
    benches/compare.py --control [--old BINARY]                 shows that it names what is slower, and nothing else

In each round the old build runs twice and the new one once, in an order that changes. What is compared is each
row's figure, a ratio against a peer of the same run, so that what the machine does meanwhile meets both sides.

How far the two runs of the old build are apart is the noise: nothing changed between them. From these distances,
and from how far the rounds disagree about the new build, comes the standard error of the median; a row is named if
its median is off by more than three times that and by more than 3 %. Exit status 1 if a row got slower.

The control compares a build with itself, which must name nothing, and then with itself while it takes half as long
again (`turns` in benches/src/measure.rs), which must be named.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Those that take seconds and wait for no disk.
QUICK = ("read", "serve", "plan", "zip", "range", "sign", "cloudreve", "batch")
LEAST = 0.03
ERRORS = 3
# What the control measures: it needs no disk, and its one row is all its own time against a part of itself.
CONTROL = ("range",)
SLOWER = "HOLDALL_BENCH_SLOWER"
WASTED = "50"


def cargo(source: Path, target: Path) -> Path:
    """Builds the benchmarks of a tree and returns the program."""
    command = ["cargo", "build", "--release", "-p", "holdall-benches", "--target-dir", str(target)]
    subprocess.run(command, cwd=source, check=True)
    return target / "release/holdall-bench"


def build(rev: str) -> tuple[Path, Path]:
    """Builds the benchmarks of a revision and of the tree, and returns both programs."""
    place = ROOT / "target/bench-check"
    tree = place / "tree"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "remove", "--force", str(tree)], check=False, capture_output=True)
    subprocess.run([*git, "add", "--detach", str(tree), rev], check=True)
    try:
        return cargo(tree, place / "old"), cargo(ROOT, place / "new")
    finally:
        subprocess.run([*git, "remove", "--force", str(tree)], check=False)


def costs(program: Path, names: list[str], wasted: str | None) -> dict[str, float]:
    """Runs a build and returns the logarithm of what each judged row costs."""
    env = {name: value for name, value in os.environ.items() if name != SLOWER}
    if wasted:
        env[SLOWER] = wasted
    run = subprocess.run([str(program), *names], check=True, capture_output=True, text=True, env=env)
    found = {}
    for line in run.stdout.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) < 7 or not cells[4].startswith((">=", "<=")):
            continue
        figure = float(cells[3])
        if figure > 0:
            cost = math.log(figure)
            found[f"{cells[1]} / {cells[2]}"] = -cost if cells[4].startswith(">=") else cost
    return found


def judge(rounds: list[tuple[float, float, float]]) -> tuple[float, float]:
    """Returns how much more the new build costs, and what of it is noise, both as logarithms."""
    apart = [again - old for old, again, _ in rounds]
    more = [new - (old + again) / 2 for old, again, new in rounds]
    median = statistics.median(more)
    # The variance of one run, from either: the first is the difference of two runs, the second that of one and a
    # mean of two.
    noise = sum(one * one for one in apart) / len(apart) / 2
    spread = sum((one - median) ** 2 for one in more) / max(len(more) - 1, 1) / 1.5
    error = 1.2533 * math.sqrt(1.5 * max(noise, spread) / len(rounds))
    return median, max(ERRORS * error, math.log1p(LEAST))


def compare(old: Path, new: Path, names: list[str], count: int, wasted: str | None = None) -> tuple[int, int]:
    """Compares two builds, prints what changed, and returns how many rows got slower and how many there are."""
    seen: dict[str, list[tuple[float, float, float]]] = {}
    for number in range(count):
        ran: dict[str, dict[str, float]] = {}
        order = ["old", "new", "again"]
        order = order[number % 3 :] + order[: number % 3]
        for which in order:
            ran[which] = costs(new, names, wasted) if which == "new" else costs(old, names, None)
        for row in ran["old"].keys() & ran["again"].keys() & ran["new"].keys():
            seen.setdefault(row, []).append((ran["old"][row], ran["again"][row], ran["new"][row]))
        print(f"round {number + 1} of {count}", file=sys.stderr)
    slower = 0
    print("| row | costs more by | noise | |\n|---|---|---|---|")
    for row, rounds in seen.items():
        more, noise = judge(rounds)
        verdict = "SLOWER" if more > noise else "faster" if more < -noise else ""
        slower += verdict == "SLOWER"
        print(f"| {row} | {math.expm1(more):+.1%} | {math.expm1(noise):.1%} | {verdict} |")
    print(f"\n{slower or 'no'} rows got slower by more than the noise")
    return slower, len(seen)


def control(program: Path, count: int) -> int:
    """Compares a build with itself, as it is and slowed down."""
    print("The same build twice:")
    as_it_is, rows = compare(program, program, list(CONTROL), count)
    print(f"\nThe same build, and {WASTED} % of its time wasted besides:")
    slowed, _ = compare(program, program, list(CONTROL), count, WASTED)
    holds = rows > 0 and as_it_is == 0 and slowed == rows
    print("\nthe control holds" if holds else "\nTHE CONTROL FAILS")
    return 0 if holds else 1


def main() -> int:
    """Compares, and prints a table of what changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rev")
    parser.add_argument("--old", type=Path)
    parser.add_argument("--new", type=Path)
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("names", nargs="*", default=[])
    options = parser.parse_args()
    if options.rounds < 3:
        parser.error("fewer than 3 rounds say nothing about noise")
    if options.control:
        return control(options.old or cargo(ROOT, ROOT / "target/bench-check/new"), options.rounds)
    if options.rev:
        old, new = build(options.rev)
    elif options.old and options.new:
        old, new = options.old, options.new
    else:
        parser.error("name a revision with --rev, or two programs with --old and --new")
    slower, _ = compare(old, new, options.names or list(QUICK), options.rounds)
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
