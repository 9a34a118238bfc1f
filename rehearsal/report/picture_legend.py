"""What the colours, lines and squares of a picture mean; only what occurs in it."""

from typing import Final

from rehearsal.report.picture_canvas import Canvas, text_width
from rehearsal.report.picture_parts import Architecture

_START: Final = 18.0
_CLASSES: Final = ("critical", "important", "deferrable")
_LINES: Final = {
    "traffic": "requests",
    "pooler": "database, pooled",
    "direct": "database, straight",
}


def draw_legend(canvas: Canvas, y: float, parts: Architecture, unit: int) -> float:
    """Draws it at `y`; returns where the picture ends."""
    x, line = _START, y + 8
    for name in _CLASSES:
        if any(tier.workload_class == name for tier in parts.tiers):
            canvas.box(x, line - 6, 4, 12, name, edge="", radius=2)
            x = _said(canvas, x + 9, line, name)
    if parts.tiers:
        canvas.square(x, line - 3, 6, "faint", filled=True)
        canvas.square(x + 8, line - 3, 6, "faint", filled=False)
        many = "a pod" if unit == 1 else f"{unit} pods"
        x = _said(canvas, x + 19, line, f"{many}: always, at most; by zone")
    used = {tier.path for tier in parts.tiers} | ({"traffic"} if parts.hosts else set())
    for colour, words in _LINES.items():
        if colour in used:
            canvas.line([(x, line), (x + 18, line)], colour, arrow=True)
            x = _said(canvas, x + 23, line, words)
    if parts.platform:
        canvas.box(x, line - 6, 18, 12, "none", dashed=True, radius=2)
        x = _said(canvas, x + 23, line, f"of {parts.platform}")
    return y + 26


def _said(canvas: Canvas, x: float, line: float, words: str) -> float:
    canvas.text(x, line + 4, words, 300, colour="faint")
    return x + text_width(words, 11) + 14
