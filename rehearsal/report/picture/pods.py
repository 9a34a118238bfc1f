"""Pods as squares, one group for each zone that they spread over."""

from collections.abc import Iterable
from typing import Final

from rehearsal.report.picture.canvas import Canvas
from rehearsal.report.picture.parts import Tier

_SIDE: Final = 7.0
_STEP: Final = 8.6
_GROUP_GAP: Final = 8.0
_LETTER: Final = 12.0
_MOST: Final = 48
"""Squares of one tier that still read as a number of pods; beyond it a square stands for several."""


def pods_per_square(tiers: Iterable[Tier]) -> int:
    """How many pods one square of the picture stands for."""
    return max(1, -(-max((tier.ceiling for tier in tiers), default=1) // _MOST))


def pods_height(width: float, ceiling: int, groups: int) -> float:
    """Height in pixels of the squares of a tier with that ceiling (in squares), the zones' letters included."""
    if not ceiling:
        return 0
    return -(-_shares(ceiling, max(groups, 1))[0] // _columns(width, groups)) * _STEP + (_LETTER if groups else 0)


def draw_pods(
    canvas: Canvas, x: float, y: float, width: float, floor: int, ceiling: int, zones: tuple[str, ...], colour: str
) -> None:
    """Squares from (x, y) on, filled up to the floor, outlines up to the ceiling, with their zone below each group."""
    groups = len(zones) or 1
    columns = _columns(width, len(zones))
    filled, all_of = _shares(floor, groups), _shares(ceiling, groups)
    tall = -(-all_of[0] // columns) * _STEP
    left = x
    for index in range(groups):
        for number in range(all_of[index]):
            row, column = divmod(number, columns)
            place = left + column * _STEP, y + row * _STEP
            canvas.square(*place, _SIDE, colour, filled=number < filled[index])
        used = min(columns, all_of[0]) * _STEP
        if zones:
            canvas.text(left, y + tall + 9, zones[index][-1:], used + _GROUP_GAP, size=9, colour="faint")
        left += used + _GROUP_GAP


def _shares(count: int, groups: int) -> list[int]:
    """`count` spread over groups with a skew of at most 1, the first groups first."""
    return [(count + groups - 1 - index) // groups for index in range(groups)]


def _columns(width: float, groups: int) -> int:
    groups = max(groups, 1)
    return max(1, int((width - (groups - 1) * _GROUP_GAP) / groups / _STEP))
