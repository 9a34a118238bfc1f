"""Where data lives: PostgreSQL by zone, managed services, and buckets with their copies in another region."""

from collections.abc import Mapping, Sequence
from typing import Final

from rehearsal.report.picture_bands import LEFT, RAIL_OF, RIGHT, draw_band
from rehearsal.report.picture_canvas import Canvas
from rehearsal.report.picture_parts import Bucket, Database, Pool, Service
from rehearsal.report.picture_pods import draw_pods

SIDE: Final = 788.0
SIDE_WIDTH: Final = 200.0
_GAP: Final = 8.0
_ZONE_HEIGHT: Final = 124.0
_POOLER_HEIGHT: Final = 32.0
_INSTANCE_WIDTH: Final = 112.0
_SERVICE_HEIGHT: Final = 56.0
_BUCKET_HEIGHT: Final = 44.0
_FRAME_HEAD: Final = 24.0
_BETWEEN: Final = 40.0


def draw_database(
    canvas: Canvas, y: float, database: Database, pool: Pool, zones: Sequence[str], tint: str, paths: Mapping[str, float]
) -> tuple[float, float]:
    """The pool's band with poolers above the zones; `paths` are where the rails come from. Returns bottom and middle."""
    inner, width = LEFT + _GAP, RIGHT - LEFT - 2 * _GAP
    poolers = y + 12
    ground = poolers + len(database.poolers) * (_POOLER_HEIGHT + 6) + 22 * len(database.tenants) + 14
    bottom = ground + _ZONE_HEIGHT + 54
    draw_band(canvas, LEFT, y, RIGHT - LEFT, bottom - y, pool, tint)
    canvas.text(inner + 2, bottom - 38, database.rules, width - 4, colour="faint")
    for index, pooler in enumerate(database.poolers):
        top = poolers + index * (_POOLER_HEIGHT + 6)
        canvas.box(inner, top, width, _POOLER_HEIGHT, "box", edge="pooler", dashed=database.borrowed, kind="pooler")
        limit = f" · {pooler.client_limit} clients a pod" if pooler.client_limit else ""
        canvas.text(inner + 12, top + 20, f"pooler {pooler.name}", 240, size=13, bold=True)
        canvas.text(inner + 260, top + 20, f"{pooler.pods} pods · {pooler.mode} mode{limit}", 270)
        draw_pods(canvas, inner + width - 80, top + 7, 70, pooler.pods, pooler.pods, pool.zones[: pooler.pods], "pooler")
    for index, tenant in enumerate(database.tenants):
        top = ground - 14 - 22 * (len(database.tenants) - index)
        canvas.box(inner, top, width, 18, "box", radius=4)
        canvas.text(inner + 12, top + 13, tenant, width - 24, bold=True)
    room = (width - (len(zones) - 1) * _GAP) / max(len(zones), 1)
    shares = _instances_by_zone(database.instances, [zone for zone in zones if zone in pool.zones])
    places = {zone: inner + index * (room + _GAP) for index, zone in enumerate(zones)}
    for zone, x in places.items():
        canvas.box(x, ground, room, _ZONE_HEIGHT, "frame", dashed=True, kind="zone")
        canvas.text(x + 9, ground + 15, zone, room - 18, size=11, bold=True, colour="faint")
        if zone not in shares:
            canvas.text(x + 9, ground + 66, "no node of this pool", room - 18, colour="faint")
            continue
        _draw_instance(canvas, x + 9, ground + 24, room - 18, database, shares[zone])
    middle = ground + 24 + 37
    _draw_ways(canvas, database, poolers, middle, ground, [places[zone] + 9 for zone in shares], paths)
    return bottom, middle


def _draw_instance(canvas: Canvas, x: float, y: float, width: float, database: Database, roles: str) -> None:
    canvas.box(x, y, _INSTANCE_WIDTH, 74, "box", dashed=database.borrowed, kind="instance")
    inside = _INSTANCE_WIDTH - 16
    canvas.text(x + 8, y + 18, roles, inside, size=13, bold=True)
    canvas.text(x + 8, y + 35, database.image, inside, colour="faint")
    canvas.text(x + 8, y + 51, database.compute, inside, size=10.5, colour="faint")
    left = x + _INSTANCE_WIDTH + 10
    room = min(width - _INSTANCE_WIDTH - 10, 110)
    tall = (74 - 4 * (len(database.volumes) - 1)) / max(len(database.volumes), 1)
    for index, (what, size) in enumerate(database.volumes):
        top = y + index * (tall + 4)
        amount, _, speed = size.partition(" GiB")
        canvas.volume(left, top, room, tall, dashed=database.borrowed)
        canvas.text(left + room / 2, top + 22, f"{what} {amount} GiB", room - 6, size=10, anchor="middle")
        canvas.text(left + room / 2, top + 33, speed.strip(), room - 6, size=9, colour="faint", anchor="middle")


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
    lane = ground + 24 + 74 + 14
    for standby in instances[1:]:
        end = standby + _INSTANCE_WIDTH / 2
        canvas.line([(primary, lane - 14), (primary, lane), (end, lane), (end, lane - 14)], "faint", arrow=True)


def _instances_by_zone(instances: int, zones: Sequence[str]) -> dict[str, str]:
    """What stands in each zone: the first instance begins as the primary, and the operator moves it when it must."""
    if not zones:
        return {}
    names: dict[str, list[str]] = {}
    for index in range(instances):
        names.setdefault(zones[index % len(zones)], []).append("standby" if index else "primary")
    return {zone: " + ".join(roles) if len(roles) < 3 else f"{len(roles)} instances" for zone, roles in names.items()}


def services_height(services: Sequence[Service]) -> float:
    """Height of `draw_services`."""
    return len(services) * (_SERVICE_HEIGHT + _GAP)


def draw_services(canvas: Canvas, y: float, services: Sequence[Service]) -> None:
    """Managed services at the side, one below the other."""
    for service in services:
        canvas.box(SIDE, y, SIDE_WIDTH, _SERVICE_HEIGHT, "frame", dashed=service.borrowed, kind="service")
        canvas.text(SIDE + 10, y + 18, service.title, SIDE_WIDTH - 20, size=12, bold=True)
        for index, line in enumerate(service.lines):
            canvas.text(SIDE + 10, y + 33 + 14 * index, line, SIDE_WIDTH - 20, colour="faint")
        y += _SERVICE_HEIGHT + _GAP


def buckets_height(buckets: Sequence[Bucket]) -> float:
    """Height of `draw_buckets`."""
    copies = [bucket for bucket in buckets if bucket.copy]
    return _frame(len(buckets)) + (_BETWEEN + _frame(len(copies)) if copies else 0)


def draw_buckets(canvas: Canvas, y: float, buckets: Sequence[Bucket]) -> dict[str, float]:
    """Buckets of the region in one frame, their copies below in another; returns the middle of each bucket by purpose."""
    places = _draw_frame(canvas, y, buckets)
    copies = [bucket.copy for bucket in buckets if bucket.copy]
    if copies:
        top = y + _frame(len(buckets))
        delays = sorted({bucket.delay for bucket in buckets if bucket.delay})
        canvas.line([(SIDE + 22, top), (SIDE + 22, top + _BETWEEN)], "faint", arrow=True, thick=2.4)
        canvas.text(SIDE + 34, top + 25, " ".join(["replicated", *delays]), SIDE_WIDTH - 36, colour="faint")
        _draw_frame(canvas, top + _BETWEEN, copies)
    return places


def _frame(count: int) -> float:
    return _FRAME_HEAD + count * (_BUCKET_HEIGHT + _GAP) if count else 0


def _draw_frame(canvas: Canvas, y: float, buckets: Sequence[Bucket]) -> dict[str, float]:
    places: dict[str, float] = {}
    if not buckets:
        return places
    canvas.box(SIDE, y, SIDE_WIDTH, _frame(len(buckets)), "frame", kind="region")
    canvas.text(SIDE + 10, y + 16, buckets[0].place, SIDE_WIDTH - 20, size=10.5, bold=True, colour="faint")
    for index, bucket in enumerate(buckets):
        top = y + _FRAME_HEAD + index * (_BUCKET_HEIGHT + _GAP)
        canvas.box(SIDE + 8, top, SIDE_WIDTH - 16, _BUCKET_HEIGHT, "box", dashed=bucket.borrowed, kind="bucket")
        canvas.text(SIDE + 18, top + 18, f"S3 {bucket.purpose}", SIDE_WIDTH - 36, size=12, bold=True)
        canvas.text(SIDE + 18, top + 34, bucket.guard or "versioned", SIDE_WIDTH - 36, colour="faint")
        places[bucket.purpose] = top + _BUCKET_HEIGHT / 2
    return places
