"""That what is left of a tier carries its load when a zone is lost."""

import math
from collections.abc import Iterable

from guardrails import kinds
from guardrails.az.zones import ZONE_KEY, ZONES
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.selectors import matches
from guardrails.kubernetes.workloads import CLASS, Workload
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

FLOOR_FACTOR = limit(
    "zone-floor-factor",
    1.5,
    "Floor of a scaled tier to what carries its load: with one of three zones lost two thirds must be enough.",
)


@stack_rule(
    "az-02",
    of=(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.POOLER),
    severity=Severity.CRITICAL,
    says="Tiers that scale keep 1.5 times their need over three zones; fixed sets ask for a zone each.",
    why="Autoscaling is slower than a zone that fails: what is left of the floor must carry the load at once. "
    "Unspread pods lie in one zone, and with minDomains a scaled tier can't even be replaced while a zone is out.",
    fix="minReplicaCount of at least 1.5 x need and 3; a zone spread with maxSkew 1, DoNotSchedule and "
    "nodeTaintsPolicy Honor, with minDomains only where nothing scales",
    scenario="Black Friday, 20:00: a zone is lost with a third of the storefront's pods, and the shop does not notice.",
    implies=("db-01", "peak-02", "peak-03", "az-10"),
)
def survives_a_zone(resource: Resource, graph: Graph) -> Iterable[Violation]:
    workload = graph.workload(resource)
    if graph.contract.redundant and workload.labels.get(CLASS) in ("critical", "important"):
        yield from _floor(workload, graph)
        yield from _spread(workload)


def _floor(workload: Workload, graph: Graph) -> Iterable[Violation]:
    if not workload.scaler:
        if workload.floor < 2:
            yield Violation(workload.resource, f"{workload.floor} replica can't outlive its zone; 2 at least")
        return
    scaler = workload.scaler.resource
    if workload.floor < ZONES:
        yield Violation(scaler, f"keeps {workload.floor} pods, fewer than the {ZONES} zones")
    need, factor = graph.contract.need(workload.tier), graph.config.number(FLOOR_FACTOR)
    if need is not None and workload.floor < (least := math.ceil(need * factor)):
        yield Violation(
            scaler,
            f"keeps {workload.floor} pods; the load needs {need} x {factor:g} = {least}, so that "
            f"{workload.floor - math.ceil(workload.floor / ZONES)} with a zone lost are enough",
        )


def _spread(workload: Workload) -> Iterable[Violation]:
    zonal = [each for each in workload.spread if each.text("topologyKey") == ZONE_KEY and _selects(each, workload)]
    hard = [each for each in zonal if each.text("whenUnsatisfiable") == "DoNotSchedule"]
    if not hard:
        yield Violation(workload.resource, "no topology spread over zones with DoNotSchedule selects its pods")
    for each in hard:
        if (skew := each.number("maxSkew")) != 1:
            yield Violation(workload.resource, f"zone spread has maxSkew {skew}, so a zone may hold {skew} pods more")
        if each.text("nodeTaintsPolicy", "Ignore") != "Honor":
            yield Violation(workload.resource, "zone spread counts nodes its pods can't run on: nodeTaintsPolicy Honor")
        asked = each.number("minDomains", None)
        if workload.scaler and asked is not None:
            yield Violation(workload.resource, f"zone spread has minDomains {asked}: no pod starts while a zone is out")
        wanted = min(ZONES, workload.floor)
        if not workload.scaler and workload.floor >= 2 and asked != wanted:
            told = "none" if asked is None else str(asked)
            yield Violation(workload.resource, f"{workload.floor} fixed pods need minDomains {wanted}, it has {told}")


def _selects(constraint: Node, workload: Workload) -> bool:
    return matches(constraint.at("labelSelector"), workload.labels)
