"""What AWS must have granted before the peak: a quota is raised in days, and refuses in a second."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from math import ceil
from typing import Final

from guardrails import kinds
from guardrails.aws.machines import vcpus
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.nodes import INSTANCE_TYPE
from guardrails.kubernetes.quantities import quantity
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.sums import Sum

GRANTED_NLB_UNITS = limit("granted-nlb-capacity-units", 0, "Quota: capacity units that may be reserved for an NLB.")

RESERVED: Final = "service.beta.kubernetes.io/aws-load-balancer-minimum-load-balancer-capacity"
NODES_SUBNET: Final = "karpenter.sh/discovery"
"""Tag of the subnets that nodes are in."""

CAPACITY_TYPE: Final = "karpenter.sh/capacity-type"

KEPT_BY_AWS: Final = 5
"""Addresses of every subnet."""
PREFIX: Final = 16
"""Addresses that the VPC CNI takes at once (a /28), one of them always in reserve."""
MAX_PODS, MAX_PODS_LARGE, LARGE_VCPUS = 110, 250, 30
"""Pods of a node: what EKS advises below and from 30 vCPUs."""


@stack_rule(
    "peak-06",
    severity=Severity.HIGH,
    says="AWS has granted what the stack takes at its limits: vCPUs, Elastic IPs, reserved capacity of load balancers; "
    "and the subnets have the addresses, also with a zone lost.",
    why="Limits of node pools promise machines that a quota may refuse, and it refuses first at the highest load. A "
    "raise takes AWS days. Quotas are the account's: stacks that share it share them.",
    fix="ask Service Quotas for more in time and write what was granted to granted-vcpus and granted-elastic-ips, or "
    "lower the pools' limits",
    scenario="At 20:05 Karpenter asks for the 40th node, and EC2 says VcpuLimitExceeded.",
    implies=("az-05", "cost-01", "cost-02"),
)
def granted(graph: Graph) -> Iterable[Violation]:
    sets = list(_node_sets(graph))
    yield from _machines(sets, graph)
    yield from _addresses_of_eips(graph)
    yield from _load_balancers(graph)
    yield from _addresses_of_subnets(sets, graph)


class _Nodes:
    """A node group or pool at its limit: machines, their vCPUs and the pods of each."""

    def __init__(self, resource: Resource, graph: Graph) -> None:
        self.resource, self.terms = resource, Sum()
        name = resource.object_name
        if resource.kind == "NodePool":
            types = _allowed(resource, INSTANCE_TYPE)
            self._smallest = min((vcpus(each) for each in types), default=2)
            cores = quantity(resource.at("spec.limits.cpu"))
            self.machines = ceil(cores / self._smallest)
            self.terms.add(name, (cores, "vCPUs, its limit"))
        else:
            most = resource.number("scalingConfig.maxSize")
            sizes = [vcpus(each) for each in resource.items("instanceTypes")] or [2]
            self._smallest, self.machines = min(sizes), int(most)
            self.terms.add(name, (most, "nodes"), (max(sizes), "vCPUs"))
        self.max_pods = self._max_pods(graph)

    def _max_pods(self, graph: Graph) -> int:
        advised = MAX_PODS if self._smallest < LARGE_VCPUS else MAX_PODS_LARGE
        reference = self.resource.text("spec.template.spec.nodeClassRef.name", "")
        node_class = graph.named(kinds.NODE_CLASS, "", reference) if reference else None
        return int(node_class.number("spec.kubelet.maxPods", advised)) if node_class else advised


def _node_sets(graph: Graph) -> Iterator[_Nodes]:
    """All that may be bought on demand; what is on spot alone has a quota of its own."""
    for resource in graph.all(kinds.NODE_POOL, kinds.EKS_NODE_GROUP):
        bought = [each.text() for each in _allowed(resource, CAPACITY_TYPE)]
        if bought != ["spot"] and resource.text("capacityType", "ON_DEMAND") != "SPOT":
            yield _Nodes(resource, graph)


def _allowed(resource: Resource, key: str) -> list[Node]:
    """Values that a pool's requirement takes; none where nothing says."""
    for each in resource.items("spec.template.spec.requirements"):
        if each.text("key") == key and each.text("operator") == "In":
            return each.items("values")
    return []


def _machines(sets: list[_Nodes], graph: Graph) -> Iterator[Violation]:
    total = Sum([term for each in sets for term in each.terms.terms])
    most = graph.contract.count("grantedVcpus")
    if most == 0:
        if sets and graph.contract.production:
            yield Violation(graph.contract.given, f"nobody knows the account's quota of vCPUs; at most {total}")
    elif total.total > most:
        yield Violation(graph.contract.given, f"{most} vCPUs are granted; at most {total}")


def _addresses_of_eips(graph: Graph) -> Iterator[Violation]:
    addresses, most = graph.all(kinds.EIP), graph.contract.count("grantedElasticIps")
    if len(addresses) > most:
        names = ", ".join(each.name for each in addresses)
        yield Violation(graph.contract.given, f"{most} Elastic IPs are granted; it takes {len(addresses)}: {names}")


def _load_balancers(graph: Graph) -> Iterator[Violation]:
    most = graph.config.number(GRANTED_NLB_UNITS)
    for service in graph.all(kinds.SERVICE):
        reserved = service.annotations.get(RESERVED)
        if reserved is None:
            continue
        units = reserved.replace(" ", "").removeprefix("CapacityUnits=")
        if not units.isdigit() or int(units) > most:
            yield Violation(service, f"reserves {units} capacity units; {most:g} are granted")


def _addresses_of_subnets(sets: list[_Nodes], graph: Graph) -> Iterator[Violation]:
    """A lost zone's nodes come again in the others: each subnet must hold its part of all of them."""
    subnets = [each for each in graph.all(kinds.SUBNET) if NODES_SUBNET in each.texts("tags")]
    left = max(1, len(subnets) - 1)
    for subnet in subnets:
        taken = Sum()
        for each in sets:
            prefixes = ceil(each.max_pods / PREFIX) + 1
            nodes = (ceil(each.machines / left), f"nodes in one of {left} zones")
            taken.add(each.resource.object_name, nodes, (prefixes * PREFIX, "addresses"))
        if taken.total > (most := _size(subnet)):
            yield Violation(subnet, f"has {most} addresses; nodes at their limits take {taken}")


def _size(subnet: Resource) -> int:
    node = subnet.at("cidrBlock")
    try:
        return IPv4Network(node.text()).num_addresses - KEPT_BY_AWS
    except ValueError:
        raise node.unjudged("must be an IPv4 range, as 10.20.0.0/18") from None
