"""Curves over a logarithmic axis as SVG, readable on light and on dark ground."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 340, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 34, 46
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 13px; }
.grid { stroke: #d0d7de; } .axis { stroke: #57606a; }
.one { stroke: #0969da; fill: #0969da; } .two { stroke: #bc4c00; fill: #bc4c00; }
polyline { fill: none !important; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .grid { stroke: #30363d; } .axis { stroke: #8b949e; }
  .one { stroke: #58a6ff; fill: #58a6ff; } .two { stroke: #f0883e; fill: #f0883e; }
}
"""
_CLASSES = ("one", "two")

Line = Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One field of curves; the axes' names say their units."""

    title: str
    across: str
    up: str
    lines: Mapping[str, Line]
    top: float
    """The largest value that is drawn; the axis begins at 0."""


def draw(panels: Sequence[Panel]) -> str:
    """Give an SVG of panels side by side, with one legend below."""
    wide, high = WIDTH * len(panels), HEIGHT + 30
    title = escape("; ".join(panel.title for panel in panels))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{wide}" height="{high}"'
    parts = [f'{head} viewBox="0 0 {wide} {high}"><title>{title}</title><style>{_STYLE}</style>']
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate({number * WIDTH} 0)">', *_panel(panel), "</g>"]
    for number, name in enumerate(panels[0].lines):
        x, y = _LEFT + number * 260, high - 14
        parts += [_line(_CLASSES[number], (x, x + 24), (y, y)), _text((x + 30, y + 4), name)]
    return "\n".join([*parts, "</svg>\n"])


def _panel(panel: Panel) -> list[str]:
    sizes = sorted({x for line in panel.lines.values() for x, _ in line})
    least, most = math.log10(sizes[0]), math.log10(sizes[-1])

    def right(x: float) -> float:
        share = (math.log10(x) - least) / (most - least) if most > least else 0.5
        return round(_LEFT + 10 + share * (WIDTH - _LEFT - _RIGHT - 30), 1)

    def down(y: float) -> float:
        return round(HEIGHT - _BOTTOM - y / panel.top * (HEIGHT - _TOP - _BOTTOM), 1)

    middle, half = (_LEFT + WIDTH - _RIGHT) / 2, (HEIGHT - 12) / 2
    parts = [
        _text((_LEFT, 18), panel.title, style="title"),
        _text((middle, HEIGHT - 6), panel.across, anchor="middle"),
        f'<g transform="translate(14 {half}) rotate(-90)">',
        _text((0, 0), panel.up, anchor="middle"),
        "</g>",
    ]
    for n in range(5):
        value = panel.top * n / 4
        y = down(value)
        parts.append(_line("grid" if n else "axis", (_LEFT, WIDTH - _RIGHT), (y, y)))
        parts.append(_text((_LEFT - 6, y + 4), f"{value:g}", anchor="end"))
    below = HEIGHT - _BOTTOM + 16
    parts += [_text((right(size), below), _short(size), anchor="middle") for size in sizes]
    for style, line in zip(_CLASSES, panel.lines.values(), strict=False):
        spots = [(right(x), down(y)) for x, y in line]
        corners = " ".join(f"{x},{y}" for x, y in spots)
        parts.append(f'<polyline class="{style}" points="{corners}"/>')
        parts += [f'<circle class="{style}" cx="{x}" cy="{y}" r="3"/>' for x, y in spots]
    return parts


def _text(at: tuple[float, float], what: str, *, anchor: str = "start", style: str = "") -> str:
    x, y = at
    return f'<text class="{style}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(what)}</text>'


def _line(style: str, x: tuple[float, float], y: tuple[float, float]) -> str:
    ends = f'x1="{x[0]}" x2="{x[1]}" y1="{y[0]}" y2="{y[1]}"'
    return f'<line class="{style}" {ends} stroke-width="{2 if style in _CLASSES else 1}"/>'


def _short(size: float) -> str:
    return f"{size / 1000:g} k" if size >= 1_000 else f"{size:g}"


def rounded_up(value: float) -> float:
    """Give a round number above a value, for the end of an axis."""
    unit = 10.0 ** math.floor(math.log10(value))
    return next(n * unit for n in (1, 2, 4, 6, 8, 10) if n * unit >= value)
