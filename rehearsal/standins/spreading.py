"""What the like of a pod says of its place: hard topology spread and required anti-affinity, by zone and by host."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rehearsal.standins.selectors import selects
from rehearsal.standins.world import Object

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


class Placed(NamedTuple):
    """A pod that has its place: on a node, or simulated."""

    pod: Object
    zone: str
    host: str


@dataclass(frozen=True)
class Spread:
    """A hard spread constraint or anti-affinity of a pod: pods that `selector` selects, counted by zone or host."""

    key: str
    namespace: str
    selector: Mapping[str, Any]
    most: int
    """Allowed difference to the emptiest domain; for anti-affinity, 0 matching pods anywhere."""
    exclusive: bool = False
    least: int = 0
    """`minDomains`: with fewer domains than that, the emptiest counts as empty."""

    def counts(self, placed: Iterable[Placed]) -> Counter[str]:
        """Matching pods by domain."""
        return Counter(
            place.zone if self.key == ZONE else place.host
            for place in placed
            if place.pod["metadata"]["namespace"] == self.namespace
            and selects(self.selector, place.pod["metadata"].get("labels") or {})
        )


def choose_zones(
    candidates: Iterable[str], spreads: Sequence[tuple[Spread, Mapping[str, int]]], crowd: Mapping[str, int]
) -> list[str]:
    """The candidate zones a pod may go to, best first: fewest matching pods, then fewest nodes (`crowd`), then name.

    `spreads` are the pod's zonal constraints with the pods that match them, by zone. A zone is left out when one more
    pod there would break a constraint.
    """
    candidates = list(candidates)
    allowed = []
    for zone in candidates:
        for spread, counts in spreads:
            alone = spread.exclusive or len(candidates) < spread.least
            emptiest = 0 if alone else min(counts.get(other, 0) for other in candidates)
            if counts.get(zone, 0) + 1 - emptiest > spread.most:
                break
        else:
            allowed.append(zone)
    return sorted(
        allowed, key=lambda zone: (sum(counts.get(zone, 0) for _, counts in spreads), crowd.get(zone, 0), zone)
    )


def spreads_of(pod: Object) -> list[Spread]:
    """The hard constraints of a pod on where its like may be."""
    namespace, labels = pod["metadata"]["namespace"], pod["metadata"].get("labels") or {}
    found = []
    for constraint in pod["spec"].get("topologySpreadConstraints") or []:
        if constraint.get("whenUnsatisfiable", "DoNotSchedule") != "DoNotSchedule":
            continue
        same = {key: labels[key] for key in constraint.get("matchLabelKeys") or [] if key in labels}
        selector = dict(constraint.get("labelSelector") or {})
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), **same}
        skew, least = constraint["maxSkew"], int(constraint.get("minDomains") or 0)
        found.append(Spread(constraint["topologyKey"], namespace, selector, skew, least=least))
    anti = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
    for term in anti.get("requiredDuringSchedulingIgnoredDuringExecution") or []:
        for within in term.get("namespaces") or [namespace]:
            selector = term.get("labelSelector") or {}
            found.append(Spread(term["topologyKey"], within, selector, 1, exclusive=True))
    return [spread for spread in found if spread.key in (ZONE, HOST)]
