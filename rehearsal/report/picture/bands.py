"""Node pools as bands with the tiers that stand on them, and the lines by which tiers reach the database.

In a band nothing crosses text: requests come in from above, lines to the database leave by two lanes between the tiers
and the pool's name: by poolers to a rail at the right, straight to one at the left. Jobs of a crowded pool that take
neither lane are small, in lines below the lanes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rehearsal.report.picture.canvas import Canvas, text_width
from rehearsal.report.picture.parts import Key, Pool, Tier
from rehearsal.report.picture.pods import draw_pods, pods_height

LEFT: Final = 36.0
RIGHT: Final = 748.0
RAIL_OF: Final = {"direct": 24.0, "pooler": 760.0}
_PER_ROW: Final = 6
_GAP: Final = 8.0
_BAND_GAP: Final = 10.0
_TOP: Final = 14.0
_LANES: Final = {"pooler": 8.0, "direct": 15.0}
_FOOT: Final = 54.0
_ALONE: Final = 132.0
_CHIPS_DOWN: Final = 24.0
_CHIP_STEP: Final = 26.0
_LINE: Final = 14.0


@dataclass(frozen=True)
class PlacedTier:
    """A tier and where its box is."""

    tier: Tier
    x: float
    width: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True)
class Band:
    """A pool, or a part of one that is wider than the picture, and where it is; `jobs` are drawn small."""

    pool: Pool
    x: float
    width: float
    tiers: tuple[PlacedTier, ...]
    jobs: tuple[Tier, ...]


@dataclass(frozen=True)
class _Piece:
    """What will be a band, before it has a place."""

    pool: Pool
    tiers: Sequence[Tier]
    jobs: Sequence[Tier]


Row = tuple[Band, ...]


def rows_of(
    pools: Sequence[Pool], tiers: Sequence[Tier], hosts: Sequence[tuple[str, Key]], routed: frozenset[Key]
) -> list[Row]:
    """Bands in rows of at most six tiers, those first that are reached from outside; `hosts` are in their order."""
    rank = {key: index for index, (_, key) in enumerate(hosts)}

    def place(tier: Tier) -> int:
        return rank.get(tier.key, len(rank) + (tier.key not in routed))

    pieces: list[_Piece] = []
    for pool in pools:
        mine = [tier for tier in tiers if tier.pool == pool.key]
        mine.sort(key=lambda tier: (place(tier), not tier.path, not tier.ceiling, tier.name))
        small = [tier for tier in mine if not tier.path and not tier.ceiling] if len(mine) > _PER_ROW else []
        large = [tier for tier in mine if tier not in small]
        for start in range(0, len(large), _PER_ROW):
            pieces.append(_Piece(pool, large[start : start + _PER_ROW], () if start else small))
    pieces.sort(key=lambda piece: min(map(place, piece.tiers)))
    rows: list[list[_Piece]] = []
    for piece in pieces:
        if rows and sum(len(each.tiers) for each in rows[-1]) + len(piece.tiers) <= _PER_ROW:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [_placed(row) for row in rows]


def _placed(pieces: Sequence[_Piece]) -> Row:
    """Boxes of one width but for a pool's only tier, which is wide enough for the pool's name."""
    count = sum(len(piece.tiers) for piece in pieces)
    alone = sum(len(piece.tiers) == 1 for piece in pieces)
    free = RIGHT - LEFT - (len(pieces) - 1) * _BAND_GAP - (count + len(pieces)) * _GAP
    share = free / count
    widest = {True: share, False: share}
    if share < _ALONE and alone < count:
        widest = {True: _ALONE, False: (free - alone * _ALONE) / (count - alone)}
    bands, x = [], LEFT
    for piece in pieces:
        step = widest[len(piece.tiers) == 1] + _GAP
        width = len(piece.tiers) * step + _GAP
        places = (x + _GAP + index * step for index in range(len(piece.tiers)))
        placed = (PlacedTier(tier, left, step - _GAP) for tier, left in zip(piece.tiers, places, strict=True))
        bands.append(Band(piece.pool, x, width, tuple(placed), tuple(piece.jobs)))
        x += width + _BAND_GAP
    return tuple(bands)


def draw_row(
    canvas: Canvas,
    y: float,
    row: Row,
    tint_of: Mapping[Key, str],
    routed: frozenset[Key],
    unit: int,
    traffic_from: float,
) -> tuple[float, dict[str, float]]:
    """Draws a row at `y`, requests coming from `traffic_from`; returns its bottom and the lanes' heights by path."""
    placed = [each for band in row for each in band.tiers]
    tall = max(_box_height(each, unit) for each in placed)
    chips = {band: _chips(band) for band in row}
    lines = max((line for placed in chips.values() for _, line, _, _ in placed), default=-1) + 1
    bottom = y + _TOP + tall + _FOOT + lines * _CHIP_STEP
    lanes = {
        path: y + _TOP + tall + down for path, down in _LANES.items() if any(each.tier.path == path for each in placed)
    }
    for band in row:
        draw_band(canvas, band.x, y, band.width, bottom - y, band.pool, tint_of[band.pool.key])
        for x, line, width, job in chips[band]:
            _draw_job(canvas, x, y + _TOP + tall + _CHIPS_DOWN + line * _CHIP_STEP, width, job)
    for path, height in lanes.items():
        starts = [each.middle for each in placed if each.tier.path == path]
        far = min(starts) if path == "pooler" else max(starts)
        canvas.line([(far, height), (RAIL_OF[path], height)], path)
    for each in placed:
        if each.tier.key in routed:
            canvas.line([(each.middle, traffic_from), (each.middle, y + _TOP)], "traffic", arrow=True)
        if each.tier.path:
            canvas.line([(each.middle, y + _TOP + tall), (each.middle, lanes[each.tier.path])], each.tier.path)
            canvas.dot(each.middle, lanes[each.tier.path], each.tier.path)
        _draw_tier(canvas, each, y + _TOP, tall, unit)
    return bottom, lanes


def draw_band(canvas: Canvas, x: float, y: float, width: float, height: float, pool: Pool, tint: str) -> None:
    """A pool's ground, with its name and nodes at the foot."""
    canvas.box(x, y, width, height, tint, dashed=pool.borrowed, kind="pool")
    canvas.text(x + 10, y + height - 20, f"pool {pool.name}", width - 20, size=12, bold=True)
    about = ", ".join(pool.instance_types)
    wide = width > 300
    canvas.text(x + 10, y + height - 7, f"{about} · {pool.size}" if wide else about, width - 20, colour="faint")


def _chips(band: Band) -> list[tuple[float, int, float, Tier]]:
    """The band's jobs with where each begins, in which line, and its width."""
    found = []
    x, line = band.x + _GAP, 0
    for job in band.jobs:
        width = text_width(job.name, 11, bold=True) + text_width(job.note, 10) + 34
        width = min(width, band.width - 2 * _GAP)
        if x > band.x + _GAP and x + width > band.x + band.width - _GAP:
            x, line = band.x + _GAP, line + 1
        found.append((x, line, width, job))
        x += width + _GAP
    return found


def _draw_job(canvas: Canvas, x: float, y: float, width: float, job: Tier) -> None:
    canvas.box(x, y, width, 20, "box", kind="tier")
    canvas.box(x, y + 4, 4, 12, _colour(job), edge="", radius=2)
    name = text_width(job.name, 11, bold=True)
    canvas.text(x + 10, y + 14, job.name, width - 18, bold=True)
    canvas.text(x + 18 + name, y + 14, job.note, width - name - 26, size=10, colour="faint")


def _colour(tier: Tier) -> str:
    return tier.workload_class if tier.workload_class in ("critical", "important") else "deferrable"


def _note_lines(tier: Tier) -> list[str]:
    """A job's time and state one below the other: there are no pods to draw there."""
    return [tier.note] if tier.ceiling else tier.note.split(", ")


def _box_height(placed: PlacedTier, unit: int) -> float:
    squares = -(-placed.tier.ceiling // unit)
    more = (len(_note_lines(placed.tier)) - 1) * _LINE
    return 54 + more + pods_height(placed.width - 16, squares, len(placed.tier.zones)) + (6 if squares else 0)


def _draw_tier(canvas: Canvas, placed: PlacedTier, y: float, height: float, unit: int) -> None:
    tier, x, width = placed.tier, placed.x, placed.width
    colour = _colour(tier)
    canvas.box(x, y, width, height, "box", kind="tier")
    canvas.box(x, y + 6, 4, height - 12, colour, edge="", radius=2)
    inside = width - 13
    canvas.text(x + 10, y + 18, tier.name, inside, size=13, bold=True)
    canvas.text(x + 10, y + 34, tier.processes, inside, colour="faint")
    for index, line in enumerate(_note_lines(tier)):
        canvas.text(x + 10, y + 49 + index * _LINE, line, inside)
    draw_pods(canvas, x + 10, y + 57, width - 16, -(-tier.floor // unit), -(-tier.ceiling // unit), tier.zones, colour)
