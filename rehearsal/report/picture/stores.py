"""Where data lives: PostgreSQL by zone, managed services, and buckets with their copies in another region."""

from collections.abc import Mapping, Sequence
from typing import Final

from rehearsal.report.picture.bands import LEFT, RAIL_OF, RIGHT, draw_band
from rehearsal.report.picture.canvas import Canvas
from rehearsal.report.picture.parts import Bucket, Database, Pool, Service, count
from rehearsal.report.picture.pods import draw_pods

FRAME_END: Final = 772.0
SIDE: Final = 788.0
SIDE_WIDTH: Final = 200.0
_GAP: Final = 8.0
_ZONE_HEIGHT: Final = 138.0
_INSTANCE_HEIGHT: Final = 88.0
_POOLER_HEIGHT: Final = 32.0
_INSTANCE_WIDTH: Final = 112.0
_FRAME_HEAD: Final = 24.0
_BETWEEN: Final = 40.0


def draw_database(
    canvas: Canvas,
    y: float,
    database: Database,
    pool: Pool,
    zones: Sequence[str],
    tint: str,
    paths: Mapping[str, float],
) -> tuple[float, float]:
    """The pool's band with poolers above the zones; `paths` are where rails come from. Returns bottom and middle."""
    inner, width = LEFT + _GAP, RIGHT - LEFT - 2 * _GAP
    poolers = y + 12
    ground = poolers + len(database.poolers) * (_POOLER_HEIGHT + 6) + 22 * len(database.tenants) + 14
    bottom = ground + _ZONE_HEIGHT + 54
    draw_band(canvas, LEFT, y, RIGHT - LEFT, bottom - y, pool, tint)
    canvas.text(inner + 2, bottom - 38, database.rules, width - 4, colour="faint")
    for index, pooler in enumerate(database.poolers):
        top = poolers + index * (_POOLER_HEIGHT + 6)
        canvas.box(inner, top, width, _POOLER_HEIGHT, "box", edge="pooler", dashed=database.borrowed, kind="pooler")
        limit = f" · {pooler.client_limit} clients each" if pooler.client_limit else ""
        about = f"{count(pooler.pods, 'pod')} · {pooler.mode} mode{limit}"
        canvas.words(inner + 12, top + 20, f"pooler {pooler.name}", about, width - 110)
        draw_pods(
            canvas, inner + width - 80, top + 7, 70, pooler.pods, pooler.pods, pool.zones[: pooler.pods], "pooler"
        )
    for index, tenant in enumerate(database.tenants):
        top = ground - 14 - 22 * (len(database.tenants) - index)
        left = inner + _INSTANCE_WIDTH  # beside the line from the pooler
        canvas.box(left, top, RIGHT - _GAP - left, 18, "box", radius=4, kind="tenant")
        canvas.text(left + 12, top + 13, tenant, RIGHT - _GAP - left - 24, bold=True)
    room = (width - (len(zones) - 1) * _GAP) / max(len(zones), 1)
    shares = _instances_by_zone(database.instances, [zone for zone in zones if zone in pool.zones])
    places = {zone: inner + index * (room + _GAP) for index, zone in enumerate(zones)}
    for zone, x in places.items():
        canvas.box(x, ground, room, _ZONE_HEIGHT, "frame", dashed=True, kind="zone")
        # At the right: the line from the pooler comes down at the left.
        canvas.text(x + room - 9, ground + 15, zone, room - 90, bold=True, colour="faint", anchor="end")
        if zone not in shares:
            canvas.text(x + 9, ground + 66, "no node of this pool", room - 18, colour="faint")
            continue
        _draw_instance(canvas, x + 9, ground + 24, room - 18, database, shares[zone])
    middle = ground + 24 + _INSTANCE_HEIGHT / 2
    _draw_ways(canvas, database, poolers, middle, ground, [places[zone] + 9 for zone in shares], paths)
    return bottom, middle


def _draw_instance(canvas: Canvas, x: float, y: float, width: float, database: Database, roles: str) -> None:
    canvas.box(x, y, _INSTANCE_WIDTH, _INSTANCE_HEIGHT, "box", dashed=database.borrowed, kind="instance")
    inside = _INSTANCE_WIDTH - 16
    canvas.text(x + 8, y + 19, roles, inside, size=13, bold=True)
    for index, line in enumerate((database.image, *database.compute)):
        canvas.text(x + 8, y + 38 + index * 16, line, inside, colour="faint")
    left = x + _INSTANCE_WIDTH + 10
    room = min(width - _INSTANCE_WIDTH - 10, 110)
    tall = (_INSTANCE_HEIGHT - 6 * (len(database.volumes) - 1)) / max(len(database.volumes), 1)
    for index, volume in enumerate(database.volumes):
        top = y + index * (tall + 6)
        canvas.volume(left, top, room, tall, dashed=database.borrowed)
        lines = [f"{volume.what} {volume.size}", volume.speed] if volume.speed else [f"{volume.what} {volume.size}"]
        for number, line in enumerate(lines):
            baseline = top + tall / 2 + 9 - 6 * (len(lines) - 1) + number * 11
            canvas.text(left + room / 2, baseline, line, room - 8, size=10, anchor="middle")


def _draw_ways(
    canvas: Canvas,
    database: Database,
    poolers: float,
    middle: float,
    ground: float,
    instances: Sequence[float],
    paths: Mapping[str, float],
) -> None:
    """Rails into pooler and primary, pooler to primary, and replication from the primary to its standbys."""
    if not instances:
        return
    primary = instances[0] + _INSTANCE_WIDTH / 2
    if "direct" in paths:
        rail = RAIL_OF["direct"]
        canvas.line([(rail, paths["direct"]), (rail, middle), (instances[0], middle)], "direct", arrow=True)
    if database.poolers:
        if "pooler" in paths:
            rail, height = RAIL_OF["pooler"], poolers + _POOLER_HEIGHT / 2
            canvas.line([(rail, paths["pooler"]), (rail, height), (RIGHT - _GAP, height)], "pooler", arrow=True)
        below = poolers + len(database.poolers) * (_POOLER_HEIGHT + 6) - 6
        canvas.line([(primary, below), (primary, ground + 24)], "pooler", arrow=True)
    lane = ground + 24 + _INSTANCE_HEIGHT + 13
    for standby in instances[1:]:
        end = standby + _INSTANCE_WIDTH / 2
        canvas.line([(primary, lane - 13), (primary, lane), (end, lane), (end, lane - 13)], "faint", arrow=True)


def _instances_by_zone(instances: int, zones: Sequence[str]) -> dict[str, str]:
    """What stands in each zone: the first instance begins as the primary, and the operator moves it when it must."""
    if not zones:
        return {}
    names: dict[str, list[str]] = {}
    for index in range(instances):
        names.setdefault(zones[index % len(zones)], []).append("standby" if index else "primary")
    return {zone: " + ".join(roles) if len(roles) < 3 else f"{len(roles)} instances" for zone, roles in names.items()}


def draw_services(canvas: Canvas, y: float, services: Sequence[Service], rows: Sequence[float]) -> float:
    """Managed services at the side, from `y` on, beside the rows of tiers where there are any; returns the bottom."""
    for index, service in enumerate(services):
        y = max(y, rows[index]) if index < len(rows) else y
        height = 30 + 15 * len(service.lines)
        canvas.box(SIDE, y, SIDE_WIDTH, height, "frame", kind="service")
        canvas.text(SIDE + 10, y + 19, service.title, SIDE_WIDTH - 20, size=13, bold=True)
        for number, line in enumerate(service.lines):
            canvas.text(SIDE + 10, y + 36 + 15 * number, line, SIDE_WIDTH - 20, colour="faint")
        canvas.line([(FRAME_END, y + height / 2), (SIDE, y + height / 2)], "faint", arrow=True)
        y += height + _GAP
    return y


def buckets_height(buckets: Sequence[Bucket]) -> float:
    """Height of `draw_buckets`."""
    copies = [bucket.copy for bucket in buckets if bucket.copy]
    return _frame(buckets) + (_BETWEEN + _frame(copies) if copies else 0)


def draw_buckets(canvas: Canvas, y: float, buckets: Sequence[Bucket], archives: Mapping[str, float]) -> None:
    """Buckets of the region in one frame, their copies below in another.

    `archives` are, by bucket, the heights at which databases send their backups; all else comes from the tiers.
    """
    places = _draw_frame(canvas, y, buckets)
    for bucket, place in zip(buckets, places, strict=True):
        start = archives.get(bucket.name)
        way = [(RIGHT, start), (780, start), (780, place)] if start is not None else [(FRAME_END, place)]
        canvas.line([*way, (SIDE + 8, place)], "faint", arrow=True)
    copies = [bucket.copy for bucket in buckets if bucket.copy]
    if copies:
        top = y + _frame(buckets)
        delays = sorted({bucket.delay for bucket in buckets if bucket.delay})
        canvas.line([(SIDE + 22, top), (SIDE + 22, top + _BETWEEN)], "faint", arrow=True, thick=2.4)
        canvas.text(SIDE + 34, top + 25, " ".join(["replicated", *delays]), SIDE_WIDTH - 36, colour="faint")
        _draw_frame(canvas, top + _BETWEEN, copies)


def _frame(buckets: Sequence[Bucket]) -> float:
    return _FRAME_HEAD + sum(_bucket(bucket) + _GAP for bucket in buckets) if buckets else 0


def _bucket(bucket: Bucket) -> float:
    return 30.0 + 15 * len(_about(bucket))


def _about(bucket: Bucket) -> list[str]:
    return [line for line in (bucket.content, bucket.guard) if line]


def _draw_frame(canvas: Canvas, y: float, buckets: Sequence[Bucket]) -> list[float]:
    """One region's buckets; returns the middle of each."""
    if not buckets:
        return []
    canvas.box(SIDE, y, SIDE_WIDTH, _frame(buckets), "frame", kind="region")
    canvas.text(SIDE + 10, y + 17, buckets[0].place, SIDE_WIDTH - 20, colour="faint")
    top, middles = y + _FRAME_HEAD, []
    for bucket in buckets:
        height = _bucket(bucket)
        canvas.box(SIDE + 8, top, SIDE_WIDTH - 16, height, "box", dashed=bucket.borrowed, kind="bucket")
        canvas.text(SIDE + 18, top + 19, f"S3 {bucket.purpose}", SIDE_WIDTH - 36, size=13, bold=True)
        for index, line in enumerate(_about(bucket)):
            canvas.text(SIDE + 18, top + 36 + 15 * index, line, SIDE_WIDTH - 36, colour="faint")
        middles.append(top + height / 2)
        top += height + _GAP
    return middles
