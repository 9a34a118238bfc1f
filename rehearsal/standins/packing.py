"""Which nodes to add for which pending pods: Karpenter's provisioning, simplified and pure.

Pods are taken by priority, then size, as the scheduler and Karpenter take them. Each goes on a node that is just coming
up or that this round opens already, else opens one: in a zone its volumes, affinity and spread allow, the one with the
fewest pods like it. A node grows with its pods to larger instance types while the pool's limits hold; so pods that
fit together share one node.

Counted: CPU, memory, ephemeral disk and pods; taints, nodeSelector, required node affinity, required pod anti-affinity
and hard topology spread by zone and by host. Not counted: pod affinity, preferences, ports, volume limits.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rehearsal.standins.quantities import Resources, pod_requests
from rehearsal.standins.selectors import fits_labels, tolerates
from rehearsal.standins.spreading import HOST, ZONE, Placed, Spread, choose_zones, spreads_of
from rehearsal.standins.world import Object

UNLIMITED = 2**62
"""Stands for a limit that a pool does not have."""


@dataclass(frozen=True)
class Machine:
    """An instance type as a pool would start it."""

    instance_type: str
    labels: Mapping[str, str]
    capacity: Resources
    """What counts against the pool's limits."""
    allocatable: Resources
    """What is left for pods, DaemonSets' taken off."""


@dataclass
class Pool:
    """A NodePool: what it may start, smallest machine first, and what it holds already."""

    name: str
    zones: Sequence[str]
    machines: Sequence[Machine]
    taints: Sequence[Mapping[str, Any]]
    limit: Resources
    """Of capacity; `pods` counts nodes here."""
    held: Resources

    @property
    def usage(self) -> str:
        """What it holds of its limits."""
        gib = 2**30
        parts = {
            "cores": (self.held.cpu // 1000, self.limit.cpu // 1000, self.limit.cpu),
            "GiB": (self.held.memory // gib, self.limit.memory // gib, self.limit.memory),
            "nodes": (self.held.pods, self.limit.pods, self.limit.pods),
        }
        return ", ".join(f"{held} of {most} {what}" for what, (held, most, limit) in parts.items() if limit < UNLIMITED)


@dataclass
class Coming:
    """A node that is there but too new for the scheduler to have used it."""

    host: str
    zone: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, Any]]
    room: Resources

    def take(self, pod: Object, wanted: Resources) -> bool:
        """Takes the pod if it fits."""
        if not wanted.within(self.room) or not fits_labels(pod["spec"], self.labels):
            return False
        self.room = self.room.less(wanted)
        return True


@dataclass
class Opening:
    """A node that this round opens; its machine is the smallest that holds its pods."""

    host: str
    zone: str
    pool: Pool
    machine: Machine | None = None
    used: Resources = field(default_factory=Resources)
    pods: list[Object] = field(default_factory=list)

    @property
    def taints(self) -> Sequence[Mapping[str, Any]]:
        return self.pool.taints

    def take(self, pod: Object, wanted: Resources) -> bool:
        """Takes the pod if a machine of the pool holds it with those it has, within the pool's limit."""
        used, pods = self.used.plus(wanted), [*self.pods, pod]
        others = self.pool.held.less(_counted(self.machine))
        for machine in self.pool.machines:
            held = others.plus(_counted(machine))
            fits = used.within(machine.allocatable) and held.within(self.pool.limit)
            if fits and all(fits_labels(each["spec"], {**machine.labels, ZONE: self.zone}) for each in pods):
                self.machine, self.used, self.pods, self.pool.held = machine, used, pods, held
                return True
        return False


class NewNode(NamedTuple):
    """A node to add, and the pods it is for."""

    pool: str
    zone: str
    machine: Machine
    pods: list[Object]


class Round:
    """One round of provisioning: `place` each pod, then read `new_nodes`."""

    def __init__(
        self,
        pools: Sequence[Pool],
        coming: Iterable[Coming],
        placed: Iterable[Placed],
        crowd: Mapping[str, int],
        shifted: str = "",
    ) -> None:
        """`pools` in the order they are to be tried; `crowd` is the number of the pools' nodes by zone. In the zone
        `shifted` nothing is opened; for topology spread it is there nevertheless (Karpenter, buildDomainGroups)."""
        self._pools = pools
        self._bins: list[Coming | Opening] = list(coming)
        self._placed = list(placed)
        self._crowd = Counter(crowd)
        self._shifted = shifted
        self._spreads: dict[str, tuple[Spread, Counter[str]]] = {}
        self._zones: dict[str, frozenset[str]] = {}

    def new_nodes(self) -> list[NewNode]:
        return [
            NewNode(opened.pool.name, opened.zone, opened.machine, opened.pods)
            for opened in self._bins
            if isinstance(opened, Opening) and opened.machine is not None
        ]

    def place(self, pod: Object, volume_zones: frozenset[str] | None) -> bool:
        """Finds a pod its place; False when no pool can give it one. `volume_zones` are those all its bound volumes
        can be reached in, None when that is everywhere.
        """
        wanted = pod_requests(pod["spec"])
        spreads = [self._counted(spread) for spread in spreads_of(pod)]
        zonal = [(spread, counts) for spread, counts in spreads if spread.key == ZONE]
        by_host = [(spread, counts) for spread, counts in spreads if spread.key == HOST]
        candidates = self._eligible(pod) if volume_zones is None else self._eligible(pod) & volume_zones
        zones = choose_zones(candidates, zonal, self._crowd)
        if zonal:
            return any(self._on_bin(pod, wanted, zone, by_host) or self._on_new(pod, wanted, zone) for zone in zones)
        # Only room decides: no new node while one that is there anyway will do, wherever it is.
        return any(self._on_bin(pod, wanted, zone, by_host) for zone in zones) or any(
            self._on_new(pod, wanted, zone) for zone in zones
        )

    def why_not(self, pod: Object, volume_zones: frozenset[str] | None) -> str:
        """Why `place` found nothing for a pod, by pool; pools whose taints it does not tolerate are not for it."""
        spec, wanted, reasons = pod["spec"], pod_requests(pod["spec"]), []
        for pool in self._pools:
            if not tolerates(spec.get("tolerations") or [], pool.taints):
                continue
            zones = [zone for zone in pool.zones if volume_zones is None or zone in volume_zones]
            if zones == [self._shifted]:
                reasons.append(f"{pool.name} starts no node in {self._shifted}: a zonal shift is active for it")
                continue
            if self._shifted in zones and any(spread.key == ZONE for spread in spreads_of(pod)):
                reasons.append(
                    f"{pool.name} names {self._shifted}, for which a zonal shift is active: the zone counts as an empty"
                    " one for pods that must spread over zones"
                )
                continue
            machines = [
                machine
                for machine in pool.machines
                if any(fits_labels(spec, {**machine.labels, ZONE: zone}) for zone in zones)
            ]
            if not zones:
                reasons.append(f"{pool.name} has no node in the zone of its volumes")
            elif not machines:
                reasons.append(f"{pool.name} has no nodes of the labels it asks for")
            elif not any(wanted.within(machine.allocatable) for machine in machines):
                reasons.append(f"{pool.name} has no instance type that is large enough")
            else:
                reasons.append(f"{pool.name} would exceed its limits ({pool.usage})")
        return "; ".join(reasons) or "it tolerates the taints of no node pool"

    def _eligible(self, pod: Object) -> frozenset[str]:
        """The zones with nodes, there or to be had, that the pod accepts; its volumes and its like aside."""
        spec = pod["spec"]
        tolerations, affinity = spec.get("tolerations") or [], (spec.get("affinity") or {}).get("nodeAffinity")
        asked = repr((spec.get("nodeSelector"), affinity, tolerations))
        if asked not in self._zones:
            self._zones[asked] = frozenset(
                [
                    zone
                    for pool in self._pools
                    for zone in pool.zones
                    if tolerates(tolerations, pool.taints)
                    and any(fits_labels(spec, {**machine.labels, ZONE: zone}) for machine in pool.machines)
                ]
                + [
                    held.zone
                    for held in self._bins
                    if isinstance(held, Coming)
                    and tolerates(tolerations, held.taints)
                    and fits_labels(spec, held.labels)
                ]
            )
        return self._zones[asked]

    def _on_bin(
        self, pod: Object, wanted: Resources, zone: str, by_host: Sequence[tuple[Spread, Counter[str]]]
    ) -> bool:
        for held in self._bins:
            if held.zone != zone or any(counts[held.host] + 1 > spread.most for spread, counts in by_host):
                continue
            if tolerates(pod["spec"].get("tolerations") or [], held.taints) and held.take(pod, wanted):
                self._note(Placed(pod, zone, held.host))
                return True
        return False

    def _on_new(self, pod: Object, wanted: Resources, zone: str) -> bool:
        if zone == self._shifted:
            return False
        for pool in self._pools:
            if zone not in pool.zones or not tolerates(pod["spec"].get("tolerations") or [], pool.taints):
                continue
            opened = Opening(host=f"new-{len(self._bins)}", zone=zone, pool=pool)
            if opened.take(pod, wanted):
                self._bins.append(opened)
                self._crowd[zone] += 1
                self._note(Placed(pod, zone, opened.host))
                return True
        return False

    def _note(self, place: Placed) -> None:
        self._placed.append(place)
        for spread, counts in self._spreads.values():
            counts.update(spread.counts([place]))

    def _counted(self, spread: Spread) -> tuple[Spread, Counter[str]]:
        """A constraint with the pods it counts; kept up to date, as the pods of a Deployment all ask for the same."""
        name = repr(spread)
        if name not in self._spreads:
            self._spreads[name] = spread, spread.counts(self._placed)
        return self._spreads[name]


def _counted(machine: Machine | None) -> Resources:
    """What a machine takes of its pool's limit: capacity, and one node (in `pods`); disk has no limit."""
    return Resources() if machine is None else Resources(machine.capacity.cpu, machine.capacity.memory, 0, 1)
