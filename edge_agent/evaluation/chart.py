"""A risk-coverage chart as SVG text: one line a set, from the surest answer on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from xml.sax.saxutils import escape

from edge_agent.evaluation.risk import Wager

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 56, 190, 24, 48
COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#16a085", "#7f8c8d", "#34495e", "#a04000")
LEAST_SHOWN = 10
"""The first answers of a line are left out: the share of wrong ones among a handful says nothing."""
RISK_STEPS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0)


def risk_chart(sets: Mapping[str, Sequence[Wager]]) -> str:
    """The chart; sets of too few answers are left out."""
    lines = {name: _line(wagers) for name, wagers in sets.items() if len(wagers) > LEAST_SHOWN}
    top = max((risk for line in lines.values() for _, risk in line), default=0.0)
    ceiling = next((step for step in RISK_STEPS if step >= top), 1.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="#333"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_axes(ceiling),
    ]
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{_x(coverage):.1f},{_y(risk, ceiling):.1f}" for coverage, risk in line)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        down = TOP + 16 * number
        parts.append(f'<rect x="{WIDTH - RIGHT + 16}" y="{down}" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 36}" y="{down + 7}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _line(wagers: Sequence[Wager]) -> list[tuple[float, float]]:
    """(coverage, share of wrong ones) after each answer, the surest first."""
    ordered = sorted(wagers, key=lambda wager: -wager.confidence)
    wrong = accumulate(not wager.right for wager in ordered)
    points = [(count / len(ordered), bad / count) for count, bad in enumerate(wrong, start=1)]
    step = max(1, len(points) // 150)
    return [*points[LEAST_SHOWN::step], points[-1]]


def _axes(ceiling: float) -> list[str]:
    left, right, base = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for tick in range(6):
        x, y = _x(tick / 5), _y(ceiling * tick / 5, ceiling)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{100 * ceiling * tick / 5:g} %</text>')
        parts.append(f'<text x="{x:.1f}" y="{base + 18}" text-anchor="middle">{20 * tick} %</text>')
    middle = (left + right) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">carried out, the surest first</text>')
    parts.append(f'<text x="{left}" y="14">wrong among those carried out</text>')
    return parts


def _x(coverage: float) -> float:
    return LEFT + coverage * (WIDTH - LEFT - RIGHT)


def _y(risk: float, ceiling: float) -> float:
    return HEIGHT - BOTTOM - risk / ceiling * (HEIGHT - TOP - BOTTOM)
