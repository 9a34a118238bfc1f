"""Nothing that holds a lock for ever, moves the database, or changes it with the season."""

from collections.abc import Iterable

from guardrails import kinds
from guardrails.fingerprints import listed
from guardrails.graph import Graph
from guardrails.kubernetes.nodes import NodeSet
from guardrails.kubernetes.quantities import MIB, quantity
from guardrails.postgres import (
    milliseconds,
    parameter,
    size_mib,
)
from guardrails.resource import Resource, family
from guardrails.rule import Severity, Violation, stack_rule


@stack_rule(
    "db-07",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.MEDIUM,
    says="No standby, statement or idle transaction may hold the database up for ever.",
    why="A standby that is away keeps all WAL until the volume is full; a forgotten transaction keeps every dead row.",
    fix="max_slot_wal_keep_size below the WAL volume, statement_timeout and idle_in_transaction_session_timeout set",
    scenario="A reporting tool leaves a transaction open over the weekend of the sales.",
)
def nothing_holds_for_ever(cluster: Resource, _: Graph) -> Iterable[Violation]:
    kept = parameter(cluster, "max_slot_wal_keep_size")
    if kept.text("", "-1").strip() == "-1":
        yield Violation(cluster, "max_slot_wal_keep_size is not set: a standby that is away fills the WAL volume")
    elif cluster.has("spec.walStorage.size"):
        size = quantity(cluster.at("spec.walStorage.size")) / MIB
        if (most := size_mib(cluster, "max_slot_wal_keep_size")) > size:
            yield Violation(cluster, f"max_slot_wal_keep_size {most:g} MiB is more than the WAL volume's {size:g} MiB")
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        if not parameter(cluster, name).has() or milliseconds(cluster, name) == 0:
            yield Violation(cluster, f"{name} is not set")


@stack_rule(
    "db-09",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.HIGH,
    says="Database nodes are reserved by a taint, bought on demand, and never taken away by Karpenter.",
    why="Spot nodes leave with two minutes' notice and consolidation with none; each move is a failover.",
    fix="managed node groups with capacityType ON_DEMAND and a NO_SCHEDULE taint, selected and tolerated by PostgreSQL",
    scenario="Spot prices jump on Black Friday, and only batch work notices.",
    implies=("az-05", "az-06", "cost-01", "iso-09", "peak-08", "az-12"),
)
def steady_nodes(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    workload = graph.workload(cluster)
    if not workload.node_selector:
        yield Violation(cluster, "selects no nodes: it runs on whatever has room")
        return
    for nodes in graph.node_sets:
        if not nodes.takes(workload):
            continue
        if nodes.karpenter:
            yield Violation(nodes.resource, f"Karpenter may take nodes away from {cluster.where}")
            continue
        if (bought := nodes.resource.text("capacityType", "ON_DEMAND")) not in ("ON_DEMAND", "CAPACITY_BLOCK"):
            yield Violation(nodes.resource, f"nodes for {cluster.where} are {bought}")
        if not any(effect in ("NoSchedule", "NoExecute") for _, _, effect in nodes.taints):
            yield Violation(nodes.resource, f"nodes for {cluster.where} have no taint: anything may land on them")


@stack_rule(
    "db-10",
    of=(kinds.POSTGRES_CLUSTER, kinds.STORAGE_CLASS, kinds.EKS_NODE_GROUP),
    severity=Severity.HIGH,
    says="Database, its volumes and its nodes are the same in both seasons: sized for the peak all year.",
    why="What changes with the season must be restarted or copied at its start: the riskiest work of the year, just "
    "before the peak. It is judged against the baseline of the last release, where that was of the other season.",
    fix="take the value from the peak's load, not from the season",
    scenario="The season is switched in November, and nothing of the database moves.",
    implies=("db-02", "db-06", "frz-01", "frz-04", "cost-05"),
)
def same_in_both_seasons(resource: Resource, graph: Graph) -> Iterable[Violation]:
    before = graph.config.before
    if before is None or before.season == graph.contract.season:
        return
    if resource.family == family(kinds.EKS_NODE_GROUP) and not _holds_database(resource, graph):
        return
    if changed := before.changed(resource):
        yield Violation(resource, f"{listed(changed)} differ from season {before.season}")


def _holds_database(group: Resource, graph: Graph) -> bool:
    nodes = NodeSet(group)
    return any(nodes.takes(each) for each in graph.workloads if each.is_database)
