"""Draws ratios.svg from ratios.csv, or compares it with `--check`."""

import csv
import math
import pathlib
import sys
from xml.sax.saxutils import escape

HERE = pathlib.Path(__file__).parent
LEFT, WIDTH, ROW, TOP = 470, 380, 26, 56
LOW, HIGH = 0.5, 300
TICKS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200)


def x(ratio: float) -> float:
    """Where a ratio lies on the logarithmic axis."""
    return LEFT + WIDTH * math.log(ratio / LOW) / math.log(HIGH / LOW)


def draw(text: str) -> str:
    """The plot of a table of ratios."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    height = TOP + ROW * len(rows) + 40
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 70} {height}"'
        ' role="img"'
        ' aria-label="How many times as fast as a peer" font-family="Helvetica, Arial, sans-serif"'
        ' font-size="13">',
        f'<rect width="{LEFT + WIDTH + 70}" height="{height}" fill="#fff"/>',
        '<text x="16" y="24" font-size="15" font-weight="bold">How many times as fast as a peer in'
        " the same run (logarithmic; right of 1 is faster)</text>",
    ]
    bottom = TOP + ROW * len(rows)
    for tick in TICKS:
        strong = ' stroke="#333"' if tick == 1 else ' stroke="#ddd"'
        out.append(f'<path d="M{x(tick):.1f} {TOP - 8}V{bottom}"{strong}/>')
        out.append(
            f'<text x="{x(tick):.1f}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>'
        )
    for number, row in enumerate(rows):
        low, high = float(row["lowest"]), float(row["highest"])
        y = TOP + ROW * number
        start, end = sorted((x(1), x(high if high > 1 else low)))
        colour = "#1a4f8b" if low >= 1 else "#b4690e"
        label = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        out.append(
            f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(row["work"])}'
            f' <tspan fill="#777">/ {escape(row["peer"])}</tspan></text>'
        )
        if low < 1 < high:
            start = x(low)
        out.append(
            f'<rect x="{start:.1f}" y="{y + 3}" width="{max(end - start, 2):.1f}" height="15"'
            f' fill="{colour}"/>'
        )
        out.append(f'<text x="{max(end, x(1)) + 6:.1f}" y="{y + 15}">{label}</text>')
    note = (
        "Measured on 2026-11-22 on a shared virtual machine with 2 cores."
        " Amber: slower than the peer, at least in one mode."
    )
    out.append(f'<text x="16" y="{bottom + 34}" fill="#555">{note}</text>')
    return "\n".join([*out, "</svg>", ""])


def main() -> int:
    """Writes the plot, or with --check tells whether it is the one that is there."""
    drawn = draw((HERE / "ratios.csv").read_text(encoding="utf-8"))
    path = HERE / "ratios.svg"
    if "--check" in sys.argv[1:]:
        same = path.exists() and path.read_text(encoding="utf-8") == drawn
        if not same:
            print(f"{path} is not what plot.py draws of ratios.csv; run it", file=sys.stderr)
        return 0 if same else 1
    path.write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
