"""Rules on zones: what must go on when one of three is lost, and what a drained zone must not be held up by."""

import math
from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.aws.zones import zones_of
from guardrails.config import Config, limit
from guardrails.graph import Graph
from guardrails.kubernetes.nodes import NodeSet
from guardrails.kubernetes.quantities import MIB, quantity
from guardrails.kubernetes.selectors import matches
from guardrails.kubernetes.workloads import CLASS, Workload
from guardrails.odoo import OdooPod
from guardrails.reading import Node, whole
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, resource_rule, stack_rule
from guardrails.sums import Sum

ZONES: Final = 3
"""A quorum of three outlives one; AWS has three zones in every region that this program knows."""

ZONE_KEY: Final = "topology.kubernetes.io/zone"

FLOOR_FACTOR = limit(
    "zone-floor-factor",
    1.5,
    "Floor of a scaled tier to what carries its load: with one of three zones lost two thirds must be enough.",
)


@stack_rule(
    "az-01",
    of=kinds.EKS_CLUSTER,
    severity=Severity.CRITICAL,
    says="The cluster, each node group of its own system and the way out of every private subnet are in three zones.",
    why="What is in one zone ends with it: a single NAT gateway takes the pods of two healthy zones off the internet.",
    fix="give the cluster private subnets in three zones, and each of their route tables the NAT gateway of its zone",
    scenario="A zone of Frankfurt fails on the first Advent Saturday; card payments must still get out of the others.",
    implies=("az-06", "az-08"),
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


@stack_rule(
    "az-03",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.CRITICAL,
    says="PostgreSQL has three instances, and no two of them share a zone.",
    why="CloudNativePG only prefers to spread, and over hosts: by default all three may lie in one zone.",
    fix="instances: 3 and affinity {enablePodAntiAffinity: true, podAntiAffinityType: required, "
    "topologyKey: topology.kubernetes.io/zone}",
    scenario="The primary's zone burns down; a standby elsewhere is promoted within the RTO of two minutes.",
    implies=("az-06", "az-07", "az-11", "db-04", "cost-05"),
    protects=Protects.DATA,
)
def instances_apart(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    if not graph.contract.redundant:
        return
    if (instances := cluster.number("spec.instances", 1)) < ZONES:
        yield Violation(cluster, f"{instances} instances, not {ZONES}")
    affinity = cluster.at("spec.affinity")
    if not affinity.flag("enablePodAntiAffinity", True):
        yield Violation(cluster, "pod anti-affinity is off")
    if (how := affinity.text("podAntiAffinityType", "preferred")) != "required":
        yield Violation(cluster, f"pod anti-affinity is {how}, not required")
    if (over := affinity.text("topologyKey", "kubernetes.io/hostname")) != ZONE_KEY:
        yield Violation(cluster, f"instances are kept apart by {over}, not by zone")


@stack_rule(
    "az-04",
    severity=Severity.CRITICAL,
    says="The session store has a replica in another zone and fails over by itself.",
    why="Sessions are the one state outside PostgreSQL and S3: lost, every user and till is logged out at once.",
    fix="an ElastiCache replication group with automaticFailoverEnabled, multiAzEnabled and two nodes or more",
    scenario="A cache node dies at noon; cashiers go on without signing in again.",
    implies=("iso-03", "iso-08"),
)
def sessions_survive(graph: Graph) -> Iterable[Violation]:
    contract = graph.contract
    if not contract.redundant or not contract.serves_retailer:
        return
    groups = graph.all(kinds.ELASTICACHE_GROUP)
    if not groups:
        yield Violation(None, "no ElastiCache replication group: sessions would be in one pod")
    for group in groups:
        for key in ("automaticFailoverEnabled", "multiAzEnabled"):
            if not group.flag(key, False):
                yield Violation(group, f"{key} is off")
        replicas = group.number("replicasPerNodeGroup", None)
        nodes = group.number("numCacheClusters", 1) if replicas is None else replicas + 1
        if nodes < 2:
            yield Violation(group, f"{nodes} node and no replica")
    for pod in graph.odoo:
        if pod.serves and (missing := _keeps_sessions_itself(pod)):
            yield Violation(pod.workload.resource, f"keeps sessions in the pod itself: {missing}")


def _keeps_sessions_itself(pod: OdooPod) -> str:
    """Why an Odoo would not use the store; empty where it does."""
    on = pod.environment("ODOO_SESSION_REDIS")
    if on is None or on.text("value", "").lower() not in ("1", "true"):
        return "ODOO_SESSION_REDIS is not on"
    if pod.environment("ODOO_SESSION_REDIS_URL") is None and pod.environment("ODOO_SESSION_REDIS_HOST") is None:
        return "no address of the store"
    modules = [each.strip() for each in (pod.text("server_wide_modules", "") or "").split(",")]
    return "" if "session_redis" in modules else "session_redis is not among server_wide_modules"


@stack_rule(
    "az-05",
    of=kinds.NODE_POOL,
    severity=Severity.HIGH,
    says="A Karpenter pool may grow until all its tiers are at their ceilings, whatever zone is lost.",
    why="Limits count the whole pool. What was lost starts again elsewhere, and pods that find no node are an outage "
    "that looks like a scaling event.",
    fix="raise spec.limits of the pool to what its tiers ask for at their ceilings, or lower a ceiling",
    scenario="A zone is lost in the peak hour, and the web tier doubles at the same time.",
    implies=("cost-01", "cost-02", "db-01", "peak-06", "iso-01", "peak-03"),
)
def room_for_ceilings(pool: Resource, graph: Graph) -> Iterable[Violation]:
    nodes = NodeSet(pool)
    here = [each for each in graph.workloads if each.stays and nodes.takes(each)]
    for what, unit, size in (("cpu", "cores", 1), ("memory", "MiB", MIB)):
        asked = Sum()
        for workload in here:
            asked.add(workload.resource.object_name, (workload.ceiling, "pods"), (workload.request(what) / size, unit))
        bound = nodes.limits.at(what)
        if not bound.has():
            yield Violation(pool, f"no limit on {what}")
        elif (most := whole(quantity(bound) / size)) < asked.total:
            yield Violation(pool, f"at their ceilings its tiers ask for more than its {most} {unit}: {asked}")


@stack_rule(
    "az-06",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.HIGH,
    says="Every zone that holds a PostgreSQL instance has a node group of its own for it.",
    why="An EBS volume never leaves its zone. One group over three zones may replace a node in another, and then the "
    "instance waits for ever for a node beside its volume.",
    fix="one managed node group per zone, each with the subnet of that zone only, labelled as the instances select",
    scenario="A data node is replaced during the Christmas peak, in the zone where its volume is.",
    implies=("az-01", "az-12", "db-09"),
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
    "az-07",
    of=(kinds.POSTGRES_CLUSTER, kinds.STATEFUL_SET),
    severity=Severity.HIGH,
    says="What decides by majority has an odd number of members, three at least, one per zone.",
    why="With an even number a half can't decide, and the extra member buys nothing; two in a zone take the majority "
    "with them.",
    fix="three members (or five), spread over zones with DoNotSchedule and minDomains 3",
    scenario="A zone is cut off from the others: two members go on, one stops, and there are never two primaries.",
    implies=("az-02", "az-03", "az-06", "az-10", "db-04", "iso-01", "iso-04", "iso-06", "iso-09", "iso-13", "az-11"),
    protects=Protects.DATA,
)
def majorities(resource: Resource, graph: Graph) -> Iterable[Violation]:
    workload = graph.workload(resource)
    if not _decides_by_majority(workload):
        return
    members = workload.floor
    if members < ZONES or members % 2 == 0:
        yield Violation(resource, f"{members} members decide by majority, not {ZONES} or another odd number")
    if not workload.is_database:
        yield from _spread(workload)


QUORUM_PROGRAMS: Final = ("sentinel", "etcd", "zookeeper", "consul", "rabbitmq")


def _decides_by_majority(workload: Workload) -> bool:
    if workload.is_database:
        return workload.resource.flag("spec.postgresql.synchronous.failoverQuorum", False)
    return any(program in each.text("image") for each in workload.containers for program in QUORUM_PROGRAMS)


@stack_rule(
    "az-08",
    severity=Severity.MEDIUM,
    says="The load balancer spreads over three zones and across them, and EKS may shift traffic away from a zone.",
    why="Without cross-zone balancing the targets of a zone get what resolvers send there, not their share; without "
    "zonal shift a zone that is only slow can't be left.",
    fix="load_balancing.cross_zone.enabled=true, public subnets in three zones, zonalShiftConfig {enabled: true}",
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


CONTROLLERS: Final = {
    "keda": ("operator.replicaCount", "metricsServer.replicaCount"),
    "cert-manager": ("replicaCount", "webhook.replicaCount", "cainjector.replicaCount"),
    "aws-load-balancer-controller": ("replicaCount",),
    "karpenter": ("replicas",),
    "cloudnative-pg": ("replicaCount",),
    "external-secrets": ("replicaCount", "webhook.replicaCount"),
}
"""Charts of what keeps a cluster going, and where each says how many there are; all elect a leader."""


@resource_rule(
    "az-09",
    of=kinds.HELM_RELEASE,
    severity=Severity.MEDIUM,
    says="Controllers that keep the cluster going run twice at least.",
    why="With one, its node's loss stops scaling, failover or new nodes just when they are needed.",
    fix="two replicas in the chart's values",
    scenario="The node of the only KEDA operator fails in the peak hour: nothing scales out until it is back.",
)
def controllers_twice(release: Resource, _: Config) -> Iterable[Violation]:
    chart = release.text("chart").rpartition("/")[2]
    for path in CONTROLLERS.get(chart, ()):
        if (replicas := release.number(f"values.{path}", 1)) < 2:
            yield Violation(release, f"{chart} has {path} {replicas}, not 2")


HEADROOM: Final = "headroom"
"""Name of the priority below all others, of pods that only keep room free."""


@stack_rule(
    "az-10",
    of=(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.POOLER),
    severity=Severity.HIGH,
    says="Every replicated workload has one disruption budget, which lets a pod go, and a broken one always.",
    why="Without one a drain may take all pods at once; with one that allows none, or with two, it waits for ever, and "
    "pods that never get ready block node upgrades.",
    fix="one PodDisruptionBudget with maxUnavailable: 1 and unhealthyPodEvictionPolicy: AlwaysAllow on its pods",
    scenario="Nodes are patched in the week before the freeze, while the shop sells.",
    implies=("az-11", "iso-04"),
)
def budgets(resource: Resource, graph: Graph) -> Iterable[Violation]:
    workload = graph.workload(resource)
    pods = workload.awake
    # Pause pods hold room for others: they may always go.
    if pods < 2 or workload.spec.text("priorityClassName", "") == HEADROOM:
        return
    found = [
        budget
        for budget in graph.within(workload.namespace, kinds.POD_DISRUPTION_BUDGET)
        if matches(budget.at("spec.selector"), workload.labels)
    ]
    if len(found) != 1:
        told = ", ".join(each.object_name for each in found) or "none"
        yield Violation(resource, f"{pods} pods need one disruption budget, there are {len(found)} ({told})")
    for budget in found:
        if (allowed := _allowed(budget, pods)) < 1:
            yield Violation(budget, f"allows {allowed} of {pods} pods of {resource.where} to go")
        if (policy := budget.text("spec.unhealthyPodEvictionPolicy", "IfHealthyBudget")) != "AlwaysAllow":
            yield Violation(budget, f"broken pods are held by {policy}, not let go by AlwaysAllow")


def _allowed(budget: Resource, pods: float) -> int:
    """Pods that may be gone at the same time. Both kinds of percentage round up, as the controller does."""

    def count(node: Node) -> int:
        text = node.text()
        if text.endswith("%") and text[:-1].isdigit():
            return math.ceil(pods * int(text[:-1]) / 100)
        return int(node.number())

    spec = budget.at("spec")
    if spec.has("maxUnavailable"):
        return min(count(spec.at("maxUnavailable")), int(pods))
    if spec.has("minAvailable"):
        return int(pods) - count(spec.at("minAvailable"))
    return 0


@stack_rule(
    "az-11",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.HIGH,
    says="A PostgreSQL of one instance has no disruption budget, one of several has its operator's.",
    why="Its operator's budget keeps the only instance from ever being evicted: a drain, and with it every node "
    "upgrade, waits for ever (one such budget held up 15 of 26 nodes for days). Without it a drain may take a primary "
    "and its standby at once.",
    fix="enablePDB: false where instances is 1, else true",
    scenario="A development cluster is upgraded at night, by nobody.",
)
def no_budget_for_one(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    if cluster.number("spec.instances", 1) > 1:
        if not cluster.flag("spec.enablePDB", True):
            yield Violation(cluster, "several instances, and enablePDB is off: a drain may take all of them")
        return
    if cluster.flag("spec.enablePDB", True):
        yield Violation(cluster, "one instance, and enablePDB is on")
    workload = graph.workload(cluster)
    for budget in graph.within(cluster.namespace, kinds.POD_DISRUPTION_BUDGET):
        if matches(budget.at("spec.selector"), workload.labels):
            yield Violation(budget, f"holds the only instance of {cluster.where}")


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


OPERATORS: Final = {
    kinds.POSTGRES_CLUSTER: "cloudnative-pg",
    kinds.OBJECT_STORE: "plugin-barman-cloud",
    kinds.SCALED_OBJECT: "keda",
    kinds.EXTERNAL_SECRET: "external-secrets",
    kinds.CERTIFICATE: "cert-manager",
    kinds.NODE_POOL: "karpenter",
    kinds.PROMETHEUS_RULE: "kube-prometheus-stack",
}
"""Kinds that nothing but their operator acts on, and the chart that has it."""


@stack_rule(
    "az-13",
    severity=Severity.HIGH,
    says="Every kind of object that an operator acts on has its operator in the cluster.",
    why="The API server keeps objects whose operator is gone, and everything looks as it was: no failover, no scaling, "
    "no new nodes, no renewed certificate, until one of them is needed.",
    fix="the chart of the operator among the cluster's Releases",
    scenario="An operator is taken out for an upgrade on Thursday, and on Friday the primary's node fails.",
    # A namespace whose operator is gone is a room of the stack, and not closed as one.
    implies=("az-09", "iso-01", "iso-02", "ops-01", "sec-09"),
)
def operators_there(graph: Graph) -> Iterable[Violation]:
    if not graph.contract.owns_cluster:
        return
    charts = {each.text("chart").rpartition("/")[2] for each in graph.all(kinds.HELM_RELEASE)}
    for kind, chart in OPERATORS.items():
        if chart in charts:
            continue
        if found := graph.all(kind):
            yield Violation(found[0], f"nothing acts on it: no Release of {chart}")
        elif not graph.contract.serves_retailer:
            yield Violation(None, f"no Release of {chart}: nothing acts on what its retailers bring")
