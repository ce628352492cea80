"""One chart as SVG: curves over a logarithmic axis of devices, for a page that is light or dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 360, 56, 130, 40, 44
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf")
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#444}.axis{stroke:#888;stroke-width:1}.grid{stroke:#8884;stroke-width:1}"
    "@media(prefers-color-scheme:dark){text{fill:#ccc}}"
)
LABEL_PX = 15  # labels of two curves stand no closer


def chart(curves: Mapping[str, Sequence[tuple[int, float]]], title: str, base: int) -> str:
    """`curves`: name → (devices, relative cost), in rising order of devices. Returns: an SVG document."""
    devices = sorted({count for points in curves.values() for count, _ in points})
    most = max(2.0, math.ceil(max(value for points in curves.values() for _, value in points)))
    first, last = math.log10(devices[0]), math.log10(devices[-1])

    def across(count: int) -> float:
        return LEFT + (math.log10(count) - first) / (last - first or 1) * (WIDTH - LEFT - RIGHT)

    def up(value: float) -> float:
        return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">',
        f"<style>{STYLE}</style>",
        f'<text x="{LEFT}" y="20">{title}, relative to {base} devices (flat is linear)</text>',
    ]
    for value in range(int(most) + 1):
        drawn.append(f'<path class="grid" d="M{LEFT} {up(value):.1f}H{WIDTH - RIGHT}"/>')
        drawn.append(f'<text x="{LEFT - 8}" y="{up(value) + 4:.1f}" text-anchor="end">{value}</text>')
    for count in devices:
        drawn.append(f'<path class="axis" d="M{across(count):.1f} {HEIGHT - BOTTOM}v5"/>')
        place = f'x="{across(count):.1f}" y="{HEIGHT - BOTTOM + 20}"'
        drawn.append(f'<text {place} text-anchor="middle">{count:,}</text>')
    drawn.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">devices</text>')
    taken = -1e9
    for colour, (name, points) in zip(COLOURS, sorted(curves.items(), key=lambda one: -one[1][-1][1]), strict=False):
        line = " ".join(f"{across(count):.1f},{up(value):.1f}" for count, value in points)
        drawn.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        taken = max(up(points[-1][1]) + 4, taken + LABEL_PX)
        drawn.append(f'<text x="{WIDTH - RIGHT + 8}" y="{taken:.1f}" style="fill:{colour}">{name}</text>')
    return "\n".join([*drawn, "</svg>", ""])
