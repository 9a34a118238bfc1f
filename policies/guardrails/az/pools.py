"""That Karpenter can make nodes, where they are needed."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.aws.machines import architecture
from guardrails.az.zones import ZONE_KEY, ZONES
from guardrails.graph import Graph
from guardrails.kubernetes.nodes import INSTANCE_TYPE, NodeSet
from guardrails.kubernetes.workloads import CLASS
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

ARCHITECTURE: Final = "kubernetes.io/arch"
LABELS: Final = {
    ARCHITECTURE: ("amd64", "arm64"),
    "kubernetes.io/os": ("linux",),
    "karpenter.sh/capacity-type": ("on-demand", "spot", "reserved"),
}
"""Labels that every machine has, with the values that one of EC2's for Linux pods may have (Karpenter's NodePools)."""

ZONE_NAME: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9][a-z]")
"""eu-central-1a; local zones have longer names."""


@stack_rule(
    "az-14",
    of=kinds.NODE_POOL,
    severity=Severity.CRITICAL,
    says="Every Karpenter pool can make nodes; where a zone's loss must not stop its tiers, in three zones.",
    why="A pool whose node class is gone, or whose requirements no machine meets, makes no node and says so in its "
    "status only. In two zones, each holds half of a tier, and pods that must spread over three wait for ever.",
    fix="a nodeClassRef to an EC2NodeClass of the stack, whose subnetSelectorTerms find a subnet in each of three "
    "zones, and requirements that one machine can meet together; with a zone in trouble, avoid-zone",
    scenario="Subnets are tagged anew on a quiet Tuesday; at the next sale two zones must not be all that is left.",
    implies=("peak-06",),
)
def makes_nodes(pool: Resource, graph: Graph) -> Iterable[Violation]:
    nodes = NodeSet(pool)
    yield from _machines(nodes)
    node_class, told = _node_class(pool, graph)
    if node_class is None:
        yield Violation(pool, f"its node class is {told}, which is no EC2NodeClass of this stack")
        return
    zones, wanted = _zones(nodes, node_class, graph), _wanted(nodes, graph)
    if zones is not None and len(zones) < wanted:
        yield Violation(pool, f"makes nodes in {len(zones)} zones ({', '.join(sorted(zones)) or 'none'}), not {wanted}")


def _machines(nodes: NodeSet) -> Iterator[Violation]:
    for label, values in LABELS.items():
        if not nodes.allowed(label, values):
            yield Violation(nodes.resource, f"no machine meets its requirements on {label}")
    types = nodes.requirement(INSTANCE_TYPE)
    if types is None:
        return
    taken = nodes.allowed(ARCHITECTURE, LABELS[ARCHITECTURE])
    if taken and not any(architecture(each) in taken for each in types):
        told = ", ".join(types) or "none"
        yield Violation(nodes.resource, f"none of its instance types ({told}) is {' or '.join(sorted(taken))}")


def _node_class(pool: Resource, graph: Graph) -> tuple[Resource | None, str]:
    """The class of its nodes, and what messages call it."""
    reference = pool.at("spec.template.spec.nodeClassRef")
    group, kind, name = (reference.text(each) for each in ("group", "kind", "name"))
    ours = (group, kind) == ("karpenter.k8s.aws", "EC2NodeClass")
    return graph.named(kinds.NODE_CLASS, "", name) if ours else None, f"{group} {kind} {name}"


def _wanted(nodes: NodeSet, graph: Graph) -> int:
    """Zones that a pool must be in: three for what matters, and where others' pods may come; without one in trouble."""
    here = [each for each in graph.workloads if each.stays and nodes.takes(each)]
    matters = not here or any(each.labels.get(CLASS) in ("critical", "important") for each in here)
    if not graph.contract.redundant or not matters:
        return 1
    return ZONES - 1 if graph.contract.avoided_zone else ZONES


def _zones(nodes: NodeSet, node_class: Resource, graph: Graph) -> set[str] | None:
    """Where it makes nodes; None where only the deployment tells.

    Subnets of a hosted stack are its platform's, and so can't be looked at: there its own word counts.
    """
    if not graph.contract.owns_cluster:
        named = nodes.requirement(ZONE_KEY)
        return None if named is None else nodes.allowed(ZONE_KEY, filter(ZONE_NAME.fullmatch, named))
    terms = node_class.items("spec.subnetSelectorTerms")
    if any(each.has("id") for each in terms):
        return None  # ids are known after the deployment
    found = [subnet for subnet in graph.all(kinds.SUBNET) if any(_selects(each, subnet) for each in terms)]
    return nodes.allowed(ZONE_KEY, (each.text("availabilityZone") for each in found))


def _selects(term: Node, subnet: Resource) -> bool:
    """Whether a selector term takes a subnet: by all its tags, `*` for any value."""
    own, wanted = subnet.texts("tags"), term.texts("tags")
    return bool(wanted) and all(key in own and value in ("*", own[key]) for key, value in wanted.items())
