"""Draws how long each way of starting takes, phase by phase, as an SVG of stacked bars."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

_COLOURS = {
    "serve": "#94a3b8",
    "starting": "#2563eb",
    "fetching": "#0891b2",
    "loading": "#16a34a",
    "compiling": "#ca8a04",
    "warming": "#ea580c",
}
_WIDTH, _LEFT, _BAR, _GAP, _TOP = 760, 150, 34, 16, 54


def draw(ways: Mapping[str, Mapping[str, float]], title: str, path: Path) -> None:
    """Write a picture of `ways`: name → phase → seconds."""
    longest = max(sum(phases.values()) for phases in ways.values()) or 1.0
    scale = (_WIDTH - _LEFT - 80) / longest
    height = _TOP + len(ways) * (_BAR + _GAP) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="14" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="28" font-size="16" font-weight="600">{escape(title)}</text>',
    ]
    for row, (name, phases) in enumerate(ways.items()):
        parts += _bar(name, phases, _TOP + row * (_BAR + _GAP), scale)
    parts += [*_legend(ways, height - 16), "</svg>"]
    path.write_text("\n".join(parts) + "\n")


def _bar(name: str, phases: Mapping[str, float], y: int, scale: float) -> list[str]:
    middle = y + _BAR // 2 + 5
    parts = [f'<text x="{_LEFT - 10}" y="{middle}" text-anchor="end">{escape(name)}</text>']
    x = float(_LEFT)
    for phase, seconds in phases.items():
        width = seconds * scale
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" '
            f'fill="{_COLOURS.get(phase, "#64748b")}"><title>{escape(phase)}: {seconds:.2f} s'
            "</title></rect>"
        )
        x += width
    parts.append(f'<text x="{x + 8:.1f}" y="{middle}">{sum(phases.values()):.1f} s</text>')
    return parts


def _legend(ways: Mapping[str, Mapping[str, float]], y: int) -> list[str]:
    seen = [p for p in _COLOURS if any(phases.get(p) for phases in ways.values())]
    parts: list[str] = []
    for place, phase in enumerate(seen):
        x = _LEFT + place * 100
        parts.append(
            f'<rect x="{x}" y="{y - 11}" width="12" height="12" fill="{_COLOURS[phase]}"/>'
        )
        parts.append(f'<text x="{x + 18}" y="{y}">{phase}</text>')
    return parts
