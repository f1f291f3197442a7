"""Draws the plots: ratios.svg, of a run of `make bench` and of others.csv, and growth.svg, of the run's curves.

`plot.py` draws bench.json and others.csv beside it; `plot.py RUN.json ROWS.csv`, with one of them or both, takes first
what `make bench` and `make bench-hosts` wrote. `--check` says whether the plots are those of what is there.
"""

import csv
import json
import math
import pathlib
import shutil
import sys
from xml.sax.saxutils import escape

HERE = pathlib.Path(__file__).parent
RUN = HERE / "bench.json"
OTHERS = HERE / "others.csv"
FONT = 'font-family="Helvetica, Arial, sans-serif" font-size="13"'
COLOURS = ("#1a4f8b", "#b4690e", "#2e7d32", "#8b1a6b", "#555555")

LEFT, WIDTH, ROW, TOP = 560, 380, 24, 56
LOW, HIGH = 0.2, 300
TICKS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)


def svg(width: int, height: int, label: str, body: list[str]) -> str:
    """A picture with its parts."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
            f' aria-label="{escape(label)}" {FONT}>',
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            f'<text x="16" y="24" font-size="15" font-weight="bold">{escape(label)}</text>',
            *body,
            "</svg>",
            "",
        ]
    )


def measured(run: dict) -> str:
    """Where and when the run was."""
    machine = run["machine"]
    return (
        f"make bench on {run['date'][:10]} at {run['commit']}: {machine['processor']}, {machine['cores']} cores,"
        f" {machine['system']}, load {machine['load before'].split()[0]}"
    )


def ratios(run: dict, others: list[dict], measured_others: str) -> str:
    """Bars: how many times as fast as a peer."""

    def x(ratio: float) -> float:
        ratio = min(max(ratio, LOW), HIGH)
        return LEFT + WIDTH * math.log(ratio / LOW) / math.log(HIGH / LOW)

    rows = [
        (row["work"], row["against"], row["figure"], row["figure"], row["goal"])
        for row in run["rows"]
        if row["better"] == "higher" and row["against"]
    ]
    rows += [
        (row["work"], row["peer"], float(row["lowest"]), float(row["highest"]), float(row["goal"] or 0) or None)
        for row in others
    ]
    bottom = TOP + ROW * len(rows)
    out = []
    for tick in TICKS:
        colour = "#333" if tick == 1 else "#ddd"
        out.append(f'<path d="M{x(tick):.1f} {TOP - 8}V{bottom}" stroke="{colour}"/>')
        out.append(f'<text x="{x(tick):.1f}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    for number, (work, peer, low, high, goal) in enumerate(rows):
        y = TOP + ROW * number
        start, end = sorted((x(1), x(high if high > 1 else low)))
        if low < 1 < high:
            start = x(low)
        label = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
        out.append(
            f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(work)}'
            f' <tspan fill="#777">/ {escape(peer)}</tspan></text>'
        )
        out.append(
            f'<rect x="{start:.1f}" y="{y + 3}" width="{max(end - start, 2):.1f}" height="14"'
            f' fill="{COLOURS[0] if low >= 1 else COLOURS[1]}"/>'
        )
        if goal is not None:
            out.append(f'<path d="M{x(goal):.1f} {y + 1}V{y + 19}" stroke="#c00" stroke-width="2"/>')
            end = max(end, x(goal)) if abs(x(goal) - end) < 45 else end
        out.append(f'<text x="{max(end, x(1)) + 6:.1f}" y="{y + 15}">{label}</text>')
    notes = (
        measured(run) + ".",
        f"nginx and Python: {measured_others}.",
        "Amber: slower than the peer. Red mark: the figure to reach.",
    )
    for line, note in enumerate(notes):
        out.append(f'<text x="16" y="{bottom + 38 + 18 * line}" fill="#555">{escape(note)}</text>')
    label = "How many times as fast as a peer in the same run (logarithmic; right of 1 is faster)"
    return svg(LEFT + WIDTH + 70, bottom + 88, label, out)


def seconds(value: float) -> str:
    """A time in its unit."""
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def panel(left: int, curves: list[dict]) -> list[str]:
    """Curves over one kind of size, both axes logarithmic."""
    width, top, height = 380, 70, 300
    sizes = [point[0] for curve in curves for point in curve["points"]]
    costs = [point[1] for curve in curves for point in curve["points"]]
    first, last = math.log10(min(sizes)), math.log10(max(sizes))
    low, high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)))

    def x(size: float) -> float:
        return left + width * (math.log10(size) - first) / max(last - first, 1)

    def y(cost: float) -> float:
        return top + height - height * (math.log10(cost) - low) / max(high - low, 1)

    out = []
    for power in range(low, high + 1):
        at = y(10.0**power)
        out.append(f'<path d="M{left} {at:.1f}H{left + width}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{seconds(10.0**power)}</text>')
    for power in range(math.ceil(first), math.floor(last) + 1):
        at = x(10.0**power)
        out.append(f'<path d="M{at:.1f} {top}V{top + height}" stroke="#eee"/>')
        out.append(
            f'<text x="{at:.1f}" y="{top + height + 18}" text-anchor="middle">{10**power:,}</text>'
        )
    out.append(
        f'<text x="{left + width / 2}" y="{top + height + 40}" text-anchor="middle">'
        f"{escape(curves[0]['sizes'])}</text>"
    )
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{x(size):.1f},{y(cost):.1f}" for size, cost in curve["points"])
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for size, cost in curve["points"]:
            out.append(f'<circle cx="{x(size):.1f}" cy="{y(cost):.1f}" r="3" fill="{colour}"/>')
        at = top + height + 62 + 18 * number
        out.append(f'<path d="M{left} {at - 4}h24" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{left + 32}" y="{at}">{escape(curve["work"])}</text>')
    return out


def growth(run: dict) -> str:
    """What work costs as an archive and a store grow."""
    kinds: dict[str, list[dict]] = {}
    for curve in run["curves"]:
        kinds.setdefault(curve["sizes"], []).append(curve)
    out = []
    for number, curves in enumerate(kinds.values()):
        out += panel(80 + 470 * number, curves)
    most = max((len(curves) for curves in kinds.values()), default=0)
    height = 70 + 300 + 62 + 18 * most + 30
    out.append(f'<text x="16" y="{height - 12}" fill="#555">{escape(measured(run))}.</text>')
    return svg(970, height, "What a call costs as an archive and a store grow (both axes logarithmic)", out)


def main() -> int:
    """Writes the plots, or with --check tells whether they are those that are there."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    for argument in arguments:
        shutil.copyfile(argument, RUN if argument.endswith(".json") else OTHERS)
    run = json.loads(RUN.read_text(encoding="utf-8"))
    lines = OTHERS.read_text(encoding="utf-8").splitlines()
    others = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    wrong = 0
    for name, drawn in (("ratios.svg", ratios(run, others, lines[0].removeprefix("# "))), ("growth.svg", growth(run))):
        path = HERE / name
        if "--check" not in sys.argv[1:]:
            path.write_text(drawn, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != drawn:
            print(f"{path} is not what plot.py draws of bench.json and others.csv; run it", file=sys.stderr)
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
