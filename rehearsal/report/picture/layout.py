"""The architecture of a stack as a picture, drawn from its resources.

From above to below: public names, load balancer, Traefik, the tiers on their node pools, poolers, PostgreSQL in its
zones with volumes; at the side what AWS runs beside the cluster, and the copies in the other region. Dashed is what
belongs to the platform that a hosted stack lives on.
"""

from typing import Final

from rehearsal.engine.model import Evaluation
from rehearsal.report.picture.bands import LEFT, RIGHT, draw_band, draw_row, rows_of
from rehearsal.report.picture.canvas import Canvas, text_width
from rehearsal.report.picture.legend import draw_legend
from rehearsal.report.picture.parts import Architecture, Cluster, Edge, Pool, count
from rehearsal.report.picture.pods import draw_pods, pods_per_square
from rehearsal.report.picture.reading import read
from rehearsal.report.picture.stores import (
    FRAME_END,
    SIDE,
    SIDE_WIDTH,
    buckets_height,
    draw_buckets,
    draw_database,
    draw_services,
)

_WIDTH: Final = 1000.0
_FRAME: Final = 12.0
_TINTS: Final = 5
"""Grounds of pools in the canvas's palette."""


def draw(evaluation: Evaluation) -> str:
    """The picture of `evaluation` (up mode) as SVG, 1000 pixels wide; the same resources give the same text."""
    return _Picture(read(evaluation)).svg()


class _Picture:
    """Draws from above to below; `_y` is where the next part begins."""

    def __init__(self, architecture: Architecture) -> None:
        self._all = architecture
        self._canvas = Canvas(_WIDTH)
        self._tint_of = {pool.key: f"pool{index % _TINTS}" for index, pool in enumerate(architecture.pools)}
        self._rows = rows_of(architecture.pools, architecture.tiers, architecture.hosts, architecture.routed)
        self._unit = pods_per_square(architecture.tiers)
        self._y = 72.0

    def svg(self) -> str:
        """The whole picture."""
        parts, canvas = self._all, self._canvas
        canvas.text(18, 38, parts.title, FRAME_END - 18, size=22, bold=True)
        canvas.text(18, 58, parts.subtitle, FRAME_END - 18, size=12.5, colour="faint")
        side = draw_legend(canvas, SIDE, 18, SIDE_WIDTH, parts, self._unit) + 12
        self._draw_entrance()
        top = self._y
        traffic = self._draw_edge()
        rails, tops = self._draw_tiers(traffic)
        stores = self._y
        archives = self._draw_databases(rails)
        self._draw_rest()
        canvas.box(_FRAME, top, FRAME_END - _FRAME, self._y - top, "none", dashed=_borrowed(parts.cluster), kind="EKS")
        below = draw_services(canvas, max(side, top), parts.services, tops)
        tall = buckets_height(parts.buckets)
        start = max(below, min(stores, self._y - tall))
        draw_buckets(canvas, start, parts.buckets, archives)
        return canvas.svg(max(self._y, start + tall) + 14, f"{parts.title}: {parts.subtitle}")

    def _draw_entrance(self) -> None:
        """Public names, each above the tier that answers, and the load balancer below them."""
        parts, canvas = self._all, self._canvas
        middle_of = {each.tier.key: each.middle for row in self._rows[:1] for band in row for each in band.tiers}
        hosts = [(host, middle_of[key]) for host, key in parts.hosts if key in middle_of]
        shared = _shared_domain([host for host, _ in hosts])
        if hosts:
            note = f"https://*.{shared}" if shared else "https://"
            canvas.text(LEFT, self._y + 12, note, RIGHT - LEFT, size=12, colour="traffic", bold=True)
            top = self._y + 20
            for host, middle in hosts:
                name = host.removesuffix(shared).rstrip(".")
                width = min(text_width(name, 13, bold=True) + 26, 160)
                canvas.box(middle - width / 2, top, width, 26, "box", edge="traffic", radius=13, kind="host")
                canvas.text(middle, top + 18, name, width - 16, size=13, bold=True, anchor="middle")
                canvas.line([(middle, top + 26), (middle, top + 42)], "traffic", arrow=True)
            self._y = top + 42
        if parts.edge and parts.edge.load_balancer:
            canvas.box(LEFT, self._y, RIGHT - LEFT, 26, "box", dashed=parts.edge.borrowed, kind="load balancer")
            about = f"{parts.edge.load_balancer} · over {_letters(parts.cluster)}"
            canvas.words(LEFT + 12, self._y + 17, "Network Load Balancer", about, RIGHT - LEFT - 24)
            self._y += 26 + 14

    def _draw_edge(self) -> float:
        """The head of the cluster's frame and Traefik; returns where requests leave it."""
        parts, canvas = self._all, self._canvas
        cluster, edge = parts.cluster, parts.edge
        top = self._y
        if cluster:
            owner = f" · of {parts.platform}" if cluster.borrowed else ""
            about = f"Kubernetes {cluster.version} · {cluster.network}"
            canvas.words(LEFT, top + 19, f"EKS {cluster.name}{owner}", about, RIGHT - LEFT - 80)
        self._y = top + 30
        if edge is None:
            return self._y
        self._draw_traefik(edge)
        if edge.load_balancer:
            canvas.line([(RIGHT - 60, top - 14), (RIGHT - 60, self._y)], "traffic", arrow=True)
        self._y += 34
        return self._y

    def _draw_traefik(self, edge: Edge) -> None:
        canvas, y = self._canvas, self._y
        tint = self._tint_of.get(edge.pool, "box")
        canvas.box(LEFT, y, RIGHT - LEFT, 34, tint, dashed=edge.borrowed, kind="edge")
        about = [f"{count(edge.pods, 'pod')} on pool {edge.pool[0]}", ", ".join(edge.middlewares)]
        canvas.words(LEFT + 12, y + 22, edge.name.title(), " · ".join(filter(None, about)), RIGHT - LEFT - 110)
        draw_pods(canvas, RIGHT - 88, y + 8, 70, edge.pods, edge.pods, edge.zones, "traffic")

    def _draw_tiers(self, traffic: float) -> tuple[dict[str, float], list[float]]:
        """Bands of tiers; returns where each rail begins, and the top of each row."""
        rails: dict[str, float] = {}
        tops = []
        self._y += 16
        for index, row in enumerate(self._rows):
            tops.append(self._y)
            routed = self._all.routed if index == 0 else frozenset()
            self._y, lanes = draw_row(self._canvas, self._y, row, self._tint_of, routed, self._unit, traffic)
            rails = lanes | rails
            self._y += 12
        return rails, tops

    def _draw_databases(self, rails: dict[str, float]) -> dict[str, float]:
        """The databases; returns, by bucket, where their backups leave."""
        archives = {}
        zones = self._all.cluster.zones if self._all.cluster else ()
        for database in self._all.databases:
            pool = next((each for each in self._all.pools if each.key == database.pool), None)
            pool = pool or Pool(database.pool, (), zones, "", elastic=False, borrowed=database.borrowed)
            used = {tier.path for tier in self._all.tiers if tier.database == database.key}
            paths: dict[str, float] = {path: height for path, height in rails.items() if path in used}
            tint = self._tint_of.get(pool.key, "box")
            self._y, middle = draw_database(self._canvas, self._y, database, pool, zones, tint, paths)
            self._y += 12
            archives[database.backups] = middle
        return archives

    def _draw_rest(self) -> None:
        """Pools that none of the above stands on, and what is installed in the cluster."""
        parts = self._all
        drawn = {band.pool.key for row in self._rows for band in row} | {each.pool for each in parts.databases}
        free = [pool for pool in parts.pools if pool.key not in drawn]
        tenants = [pool for pool in free if pool.key[1]]
        for index, pool in enumerate(tenants):
            width = (RIGHT - LEFT - (len(tenants) - 1) * 10) / len(tenants)
            draw_band(self._canvas, LEFT + index * (width + 10), self._y, width, 42, pool, self._tint_of[pool.key])
        self._y += 54 if tenants else 0
        system = next((pool for pool in free if not pool.key[1]), None)
        if system and parts.cluster:
            self._draw_operators(system, parts.cluster)

    def _draw_operators(self, pool: Pool, cluster: Cluster) -> None:
        """The pool of the operators, with each as a chip."""
        canvas, x, y = self._canvas, LEFT + 10, self._y + 10
        chips = []
        for name, version in cluster.operators:
            width = text_width(name, 11, bold=True) + text_width(version, 10) + 22
            if x + width > RIGHT - 10:
                x, y = LEFT + 10, y + 26
            chips.append((x, y, width, name, version))
            x += width + 6
        bottom = y + 22 + 8 + 14 + 40
        draw_band(canvas, LEFT, self._y, RIGHT - LEFT, bottom - self._y, pool, self._tint_of[pool.key])
        for left, top, width, name, version in chips:
            canvas.box(left, top, width, 20, "box", dashed=cluster.borrowed, radius=10, kind="operator")
            canvas.text(left + 8, top + 14, name, width, bold=True)
            canvas.text(left + width - 8, top + 14, version, width, size=10, colour="faint", anchor="end")
        addons = f"EKS add-ons: {', '.join(cluster.addons)}"
        canvas.text(LEFT + 10, bottom - 38, addons, RIGHT - LEFT - 20, colour="faint")
        self._y = bottom + 12


def _borrowed(cluster: Cluster | None) -> bool:
    return cluster is not None and cluster.borrowed


def _letters(cluster: Cluster | None) -> str:
    """Zones in short: of one region the region and the letters."""
    zones = cluster.zones if cluster else ()
    regions = {zone[:-1] for zone in zones}
    return f"{regions.pop()} {', '.join(zone[-1] for zone in zones)}" if len(regions) == 1 else ", ".join(zones)


def _shared_domain(hosts: list[str]) -> str:
    """The domain that all hosts lie directly in, if it is one."""
    domains = {host.partition(".")[2] for host in hosts}
    return domains.pop() if len(domains) == 1 else ""
