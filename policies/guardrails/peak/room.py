"""Room that is kept free for what a zone's loss takes, or a wave brings."""

from collections.abc import Iterable, Iterator
from math import ceil
from typing import Final

from guardrails import kinds
from guardrails.az.zones import ZONE_KEY, ZONES
from guardrails.graph import Graph
from guardrails.kubernetes.nodes import NodeSet
from guardrails.kubernetes.quantities import MIB
from guardrails.kubernetes.selectors import matches
from guardrails.kubernetes.workloads import CLASS, POOL, Workload
from guardrails.peak.classes import HEADROOM, priority
from guardrails.reading import whole
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.sums import Sum

WEB: Final = "web"


@stack_rule(
    "peak-03",
    of=kinds.NODE_POOL,
    severity=Severity.HIGH,
    says="A pool with critical tiers keeps a zone's worth of their pods free, held by pods of negative priority that "
    "give way at once.",
    why="A new node takes one to five minutes; a pod of headroom is gone in a second. Without it what a lost zone took "
    "is missing until Karpenter has bought it again, when everybody buys.",
    fix="a Deployment of pause pods with a priority below 0, as large as the largest critical pod, one for each "
    "critical pod in the fullest zone, spread over the zones, terminationGracePeriodSeconds: 0",
    scenario="A zone is lost at 20:00 on Black Friday: its storefront pods run again in the other two within seconds.",
    implies=("az-05", "az-10", "iso-01", "peak-05"),
)
def room_for_a_zone(pool: Resource, graph: Graph) -> Iterable[Violation]:
    contract = graph.contract
    if not contract.redundant:
        return
    nodes = NodeSet(pool)
    here = [each for each in graph.workloads if each.stays and nodes.takes(each)]
    critical = [each for each in here if each.labels.get(CLASS) == "critical" and each.scaler]
    need = Sum()
    for workload in critical:
        need.add(workload.resource.object_name, (ceil(workload.floor / ZONES), f"of {workload.floor} pods"))
    if not contract.serves_retailer and nodes.labels.get(POOL) == WEB:
        need.add("hosted", (contract.count("maxRetailers"), "retailers"), (1, "pod a zone of each"))
    if not need.total:
        return
    room = [each for each in here if _gives_way(each, graph)]
    pods = sum(each.floor for each in room)
    if pods < need.total:
        yield Violation(pool, f"{pods} pods of headroom; a zone holds {need}")
    for workload in room:
        yield from _as_large(workload, critical)
        yield from _there_at_once(workload)


def _gives_way(workload: Workload, graph: Graph) -> bool:
    name = workload.spec.text("priorityClassName", "")
    value = priority(name, graph)
    # Of a class that another stack declares only the name is known.
    return name == HEADROOM if value is None else value < 0


def _as_large(workload: Workload, critical: list[Workload]) -> Iterator[Violation]:
    for what, unit, size in (("cpu", "cores", 1), ("memory", "MiB", MIB)):
        largest = max((each.request(what) for each in critical), default=0)
        if (own := workload.request(what)) < largest:
            told = f"{whole(own / size)} of {what} ({unit}); the largest critical pod asks for {whole(largest / size)}"
            yield Violation(workload.resource, f"its pods hold {told}")


def _there_at_once(workload: Workload) -> Iterator[Violation]:
    if (grace := workload.spec.number("terminationGracePeriodSeconds", 30)) > 1:
        yield Violation(workload.resource, f"its pods take {grace} s to give way")
    spread = [
        each
        for each in workload.spread
        if each.text("topologyKey") == ZONE_KEY
        and each.text("whenUnsatisfiable") == "DoNotSchedule"
        and each.number("maxSkew") == 1
        and matches(each.at("labelSelector"), workload.labels)
    ]
    if not spread:
        yield Violation(workload.resource, "its pods may all be in the zone that is lost")
