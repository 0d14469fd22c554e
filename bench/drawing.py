"""Lines in a small SVG."""

from __future__ import annotations

from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 320, 60, 50, 50
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#7f7f7f")
NAMES_A_ROW = 3


@dataclass(frozen=True)
class Line:
    name: str
    points: list[tuple[float, float]]


def draw(lines: list[Line], across: str, up: str) -> str:
    """An SVG document of `lines`, both axes from zero."""
    right = max(x for line in lines for x, _ in line.points)
    high = max(y for line in lines for _, y in line.points) * 1.1
    parts = [_grid(right, high, across, up)]
    for number, line in enumerate(lines):
        colour, (row, place) = COLOURS[number % len(COLOURS)], divmod(number, NAMES_A_ROW)
        places = " ".join(f"{_x(x, right):.1f},{_y(y, high):.1f}" for x, y in line.points)
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{LEFT + 10 + 215 * place}" y="{15 + 15 * row}" fill="{colour}">{line.name}</text>')
    style = 'font-family="sans-serif" font-size="12" fill="#333"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {style}>\n{body}\n</svg>\n'


def _x(value: float, right: float) -> float:
    return LEFT + value / right * (WIDTH - LEFT - 20)


def _y(value: float, high: float) -> float:
    return HEIGHT - BOTTOM - value / high * (HEIGHT - BOTTOM - TOP)


def _grid(right: float, high: float, across: str, up: str) -> str:
    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for part in range(6):
        x, y = _x(right * part / 5, right), _y(high * part / 5, high)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{high * part / 5:.1f}</text>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{right * part / 5:,.0f}</text>')
    parts.append(f'<text x="{(WIDTH + LEFT) / 2:.0f}" y="{HEIGHT - 10}" text-anchor="middle">{across}</text>')
    parts.append(
        f'<text x="16" y="{HEIGHT / 2:.0f}" text-anchor="middle" transform="rotate(-90 16 {HEIGHT / 2:.0f})">{up}</text>'
    )
    return "\n".join(parts)
