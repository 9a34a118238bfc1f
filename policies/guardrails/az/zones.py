"""That cluster, way out and load balancer are in three zones."""

from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.aws.zones import zones_of
from guardrails.graph import Graph
from guardrails.kubernetes.charts import charts
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

ZONES: Final = 3
"""A quorum of three outlives one; AWS has three zones in every region that this program knows."""


ZONE_KEY: Final = "topology.kubernetes.io/zone"


@stack_rule(
    "az-01",
    of=kinds.EKS_CLUSTER,
    severity=Severity.CRITICAL,
    says="The cluster, each node group of its own system and the way out of every private subnet are in three zones.",
    why="What is in one zone ends with it: a single NAT gateway takes the pods of two healthy zones off the internet.",
    fix="give the cluster private subnets in three zones, and each of their route tables the NAT gateway of its zone",
    scenario="A zone of Frankfurt fails on the first Advent Saturday; card payments must still get out of the others.",
    implies=("az-06", "az-08", "az-14"),
)
def three_zones(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    if not graph.contract.redundant:
        return
    zones = zones_of(cluster, "vpcConfig", graph)
    if len(zones) < ZONES:
        yield Violation(cluster, f"its subnets are in {len(zones)} zones ({', '.join(sorted(zones))}), not {ZONES}")
    for group in graph.all(kinds.EKS_NODE_GROUP):
        own = zones_of(group, "subnetIds", graph)
        # A group of one subnet is one of several; az-06 counts those of the database.
        if 1 < len(own) < ZONES:
            yield Violation(group, f"is in {len(own)} zones ({', '.join(sorted(own))}), not {ZONES}")
        for subnet in graph.sources(group, "subnetIds", kinds.SUBNET):
            tables = graph.users(subnet, "subnetId", kinds.ROUTE_TABLE_ASSOCIATION)
            if not any(_way_out(each, graph) for each in tables):
                yield Violation(group, f"nodes in {subnet.text('availabilityZone')} have no NAT gateway: no way out")
    for association in graph.all(kinds.ROUTE_TABLE_ASSOCIATION):
        for gateway in _way_out(association, graph):
            here, there = (zones_of(each, "subnetId", graph) for each in (association, gateway))
            if here != there:
                where = f"{', '.join(sorted(here))} leave by a NAT gateway in {', '.join(sorted(there))}"
                yield Violation(association, f"pods in {where}, and end with that zone")


def _way_out(association: Resource, graph: Graph) -> list[Resource]:
    """The NAT gateways that the subnet's route table leads to; none from a public one."""
    tables = graph.sources(association, "routeTableId", kinds.ROUTE_TABLE)
    return [gateway for table in tables for gateway in graph.sources(table, "routes", kinds.NAT_GATEWAY)]


@stack_rule(
    "az-08",
    severity=Severity.MEDIUM,
    says="The load balancer spreads over three zones and across them, EKS may shift traffic away from a zone, and "
    "Karpenter then makes no nodes there.",
    why="Without cross-zone balancing the targets of a zone get what resolvers send there, not their share; without "
    "zonal shift a zone that is only slow can't be left, nor while Karpenter goes on filling it with new nodes.",
    fix="load_balancing.cross_zone.enabled=true, public subnets in three zones, zonalShiftConfig {enabled: true}, and "
    "settings.enableZonalShift: true for Karpenter",
    scenario="One zone answers slowly on a Saturday; an operator shifts it away with one command.",
    implies=("az-01",),
)
def balanced_over_zones(graph: Graph) -> Iterable[Violation]:
    for service in graph.all(kinds.SERVICE):
        if service.text("spec.type", "ClusterIP") == "LoadBalancer":
            attributes = service.annotations.get("service.beta.kubernetes.io/aws-load-balancer-attributes", "")
            if "load_balancing.cross_zone.enabled=true" not in attributes.replace(" ", "").split(","):
                yield Violation(service, "cross-zone load balancing is not on")
            given = service.annotations.get("service.beta.kubernetes.io/aws-load-balancer-subnets")
            if given is not None and (count := len(set(given.split(",")))) < ZONES:
                yield Violation(service, f"the load balancer has {count} subnets, not {ZONES}")
    for cluster in graph.all(kinds.EKS_CLUSTER):
        if not cluster.flag("zonalShiftConfig.enabled", False):
            yield Violation(cluster, "zonal shift is not enabled")
        public = {
            subnet.text("availabilityZone")
            for subnet in graph.all(kinds.SUBNET)
            if subnet.texts("tags").get("kubernetes.io/role/elb") == "1"
        }
        if len(public) < ZONES:
            yield Violation(cluster, f"load balancers find public subnets in {len(public)} zones, not {ZONES}")
    for release in charts(graph, "karpenter"):
        if not release.flag("values.settings.enableZonalShift", False):
            yield Violation(release, "settings.enableZonalShift is off: it makes nodes in a zone that is left")
