"""That pods find nodes: beside their volumes, and at their ceilings."""

import math
from collections.abc import Iterable

from guardrails import kinds
from guardrails.aws.machines import gib_per_vcpu
from guardrails.aws.zones import zones_of
from guardrails.bill import PACKING
from guardrails.graph import Graph
from guardrails.kubernetes.nodes import INSTANCE_TYPE, NodeSet
from guardrails.kubernetes.quantities import GIB, quantity
from guardrails.kubernetes.workloads import POOL
from guardrails.reading import whole
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.sums import Sum


@stack_rule(
    "az-05",
    of=kinds.NODE_POOL,
    severity=Severity.HIGH,
    says="A Karpenter pool may grow until all its tiers are at their ceilings, whatever zone is lost.",
    why="Limits count whole machines, and those of a lost zone until they are gone. What was lost starts again "
    "elsewhere, and pods that find no node are an outage that looks like a scaling event.",
    fix="raise spec.limits of the pool, cpu and memory together, to the machines that its tiers take at their "
    "ceilings, or lower a ceiling",
    scenario="A zone is lost in the peak hour, and the web tier doubles at the same time.",
    implies=("cost-01", "cost-02", "db-01", "peak-06", "iso-01", "peak-03"),
)
def room_for_ceilings(pool: Resource, graph: Graph) -> Iterable[Violation]:
    nodes = NodeSet(pool)
    cores, memory = (_asked(nodes, *what, graph) for what in (("cpu", "cores", 1), ("memory", "GiB", GIB)))
    filled = graph.config.number(PACKING) / 100
    told = f"of which pods fill {filled:.0%}"
    if graph.contract.redundant:
        filled, told = filled * 3 / 4, f"{told}, and a third as many in a lost zone"
    # Machines that have the cores have their memory as well, and the other way round.
    ratios = [each for each in map(gib_per_vcpu, nodes.requirement(INSTANCE_TYPE) or ()) if each]
    least, most = (min(ratios), max(ratios)) if ratios else (0, math.inf)
    machines = max(cores.total, memory.total / most) / filled
    for what, unit, size, asked, needed in (
        ("cpu", "cores", 1, cores, machines),
        ("memory", "GiB", GIB, memory, max(memory.total / filled, machines * least)),
    ):
        bound = nodes.limits.at(what)
        if not bound.has():
            yield Violation(pool, f"no limit on {what}")
        elif (granted := whole(quantity(bound) / size)) < needed:
            takes = f"take machines of {math.ceil(needed)} {unit}, {told}"
            yield Violation(pool, f"its limit is {granted} {unit}; at their ceilings its tiers {takes}: {asked}")


def _asked(nodes: NodeSet, what: str, unit: str, size: int, graph: Graph) -> Sum:
    """What pods at their ceilings ask for; on a platform those of its retailers as well, as it promises them."""
    asked = Sum()
    for workload in graph.workloads:
        if workload.stays and nodes.takes(workload):
            each = workload.request(what) / size, unit
            asked.add(workload.resource.object_name, (workload.ceiling, "pods"), each)
    if not graph.contract.serves_retailer:
        promised = graph.contract.given.number(f"{unit.lower()}PerRetailer.{nodes.labels.get(POOL)}", 0)
        asked.add("hosted", (graph.contract.count("maxRetailers"), "retailers"), (promised, f"{unit} of each"))
    return asked


@stack_rule(
    "az-06",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.HIGH,
    says="Every zone that holds a PostgreSQL instance has a node group of its own for it.",
    why="An EBS volume never leaves its zone. One group over three zones may replace a node in another, and then the "
    "instance waits for ever for a node beside its volume.",
    fix="one managed node group per zone, each with the subnet of that zone only, labelled as the instances select",
    scenario="A data node is replaced during the Christmas peak, in the zone where its volume is.",
    implies=("az-01", "az-12", "az-14", "db-09"),
)
def nodes_beside_volumes(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    workload = graph.workload(cluster)
    groups = [each for each in graph.node_sets if not each.karpenter and each.takes(workload)]
    zones: set[str] = set()
    for group in groups:
        own = zones_of(group.resource, "subnetIds", graph)
        if len(own) != 1:
            yield Violation(group.resource, f"a group for data nodes is in {len(own)} zones, not one")
        if group.resource.number("scalingConfig.minSize", 0) < 1:
            yield Violation(group.resource, "a group for data nodes may shrink to nothing")
        zones |= own
    if len(zones) < (instances := workload.floor):
        yield Violation(cluster, f"{instances} instances, and node groups for them in {len(zones)} zones")


@stack_rule(
    "az-12",
    of=(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.POOLER, kinds.POSTGRES_CLUSTER, kinds.CRON_JOB, kinds.JOB),
    severity=Severity.CRITICAL,
    says="Every workload finds nodes: a group or pool of the stack has its labels, and no taint that it can't bear.",
    why="A pod that no node takes waits for ever, and says so only in an event: the tier is not there, and the "
    "autoscaler asks for nodes that nobody makes.",
    fix="a node group or NodePool with the labels that the workload selects, and tolerations for its taints",
    scenario="A pool is renamed in October; the batch tier must not be found missing at the closing of the books.",
    implies=("az-05", "az-06", "db-09", "iso-09", "peak-03"),
)
def finds_nodes(resource: Resource, graph: Graph) -> Iterable[Violation]:
    workload = graph.workload(resource)
    if graph.contract.owns_cluster and not any(each.takes(workload) for each in graph.node_sets):
        wanted = ", ".join(f"{key}={value}" for key, value in sorted(workload.node_selector.items())) or "any node"
        yield Violation(resource, f"no node group or pool takes its pods, which select {wanted}")
