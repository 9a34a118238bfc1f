"""What the colours, lines and squares of a picture mean; only what occurs in it."""

from typing import Final

from rehearsal.report.picture.canvas import Canvas
from rehearsal.report.picture.parts import Architecture

_CLASSES: Final = ("critical", "important", "deferrable")
_LINES: Final = {"traffic": "requests", "pooler": "database, by the pooler", "direct": "database, direct"}
_STEP: Final = 17.0
_INDENT: Final = 36.0


def draw_legend(canvas: Canvas, x: float, y: float, width: float, parts: Architecture, unit: int) -> float:
    """Draws it at (x, y), one line for each sign; returns its bottom."""
    line = y + 16
    for name in _CLASSES:
        if any(tier.workload_class == name for tier in parts.tiers):
            canvas.box(x + 16, line - 6, 4, 12, name, edge="", radius=2)
            line = _said(canvas, x, line, width, f"{name} tier")
    if parts.tiers or parts.edge:
        canvas.square(x + 11, line - 3.5, 7, "faint", filled=True)
        canvas.square(x + 20, line - 3.5, 7, "faint", filled=False)
        words = "pods, floor and ceiling" if unit == 1 else f"{unit} pods, floor and ceiling"
        line = _said(canvas, x, line, width, words)
    zones = parts.cluster.zones if parts.cluster else ()
    if zones:
        canvas.text(
            x + 18, line + 3, " ".join(zone[-1:] for zone in zones), 30, size=9, colour="faint", anchor="middle"
        )
        line = _said(canvas, x, line, width, "availability zones")
    used = {tier.path for tier in parts.tiers} | ({"traffic"} if parts.edge else set())
    for colour, words in _LINES.items():
        if colour in used:
            canvas.line([(x + 8, line), (x + 28, line)], colour, arrow=True)
            line = _said(canvas, x, line, width, words)
    if parts.platform:
        canvas.box(x + 8, line - 6, 20, 12, "none", dashed=True, radius=2)
        line = _said(canvas, x, line, width, f"belongs to {parts.platform}")
    canvas.box(x, y, width, line - y - 4, "none", kind="legend")
    return line - 4


def _said(canvas: Canvas, x: float, line: float, width: float, words: str) -> float:
    canvas.text(x + _INDENT, line + 4, words, width - _INDENT - 6, colour="faint")
    return line + _STEP
