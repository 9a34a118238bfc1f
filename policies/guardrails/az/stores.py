"""That database, sessions and whatever decides by majority outlive a zone."""

from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.az.replicas import _spread
from guardrails.az.zones import ZONE_KEY, ZONES
from guardrails.graph import Graph
from guardrails.kubernetes.workloads import Workload
from guardrails.odoo import OdooPod
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule


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
