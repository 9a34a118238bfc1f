"""Commits that survive, and room for their WAL."""

from collections.abc import Iterable

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.quantities import GIB, quantity
from guardrails.postgres import (
    size_mib,
)
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule
from guardrails.sums import Sum

ARCHIVE_OUTAGE_HOURS = limit("archive-outage-hours", 6, "Hours of WAL that must fit while it can't be archived.")


WAL_KIB_PER_ORDER = limit("wal-kib-per-order", 400, "WAL of one order through all its documents, KiB.")


@stack_rule(
    "db-04",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.CRITICAL,
    says="A gold database answers a commit only when a standby in another zone has it, and promotes only such a one.",
    why="With asynchronous standbys the loss of a zone loses the last orders, and nobody can say which.",
    fix="postgresql.synchronous {method: any, number: 1, dataDurability: required, failoverQuorum: true}",
    scenario="Saturday noon: the primary's zone is lost, and 600 tills go on with every receipt there.",
    implies=("az-07", "cost-05"),
    protects=Protects.DATA,
)
def commits_survive(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    if graph.contract.objective_class != "gold":
        return
    synchronous = cluster.at("spec.postgresql.synchronous")
    if not synchronous.has():
        yield Violation(
            cluster, f"no synchronous standby; the contract's RPO is {graph.contract.seconds('rpoSeconds')} s"
        )
        return
    if (method := synchronous.text("method")) != "any":
        yield Violation(cluster, f"synchronous method is {method}: the loss of the first standby stops all writes")
    number, instances = synchronous.number("number"), cluster.number("spec.instances", 1)
    if number < 1:
        yield Violation(cluster, f"commits wait for {number} standbys")
    if number > instances - 2:
        yield Violation(cluster, f"commits wait for {number} of {instances - 1} standbys: one lost stops all writes")
    if (durability := synchronous.text("dataDurability", "required")) != "required":
        yield Violation(cluster, f"dataDurability is {durability}: without a standby commits are answered all the same")
    if not synchronous.flag("failoverQuorum", False):
        yield Violation(cluster, "failoverQuorum is off: a standby that lacks the last commits may be promoted")


@stack_rule(
    "db-05",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.HIGH,
    says="A primary makes way in time: switchover, stop and lease end within the promised recovery time, and one that "
    "is cut off stops itself.",
    why="CloudNativePG waits an hour by default for a primary that can't ship its WAL, and half an hour for a stop. "
    "Without the isolation check a primary that sees neither the API server nor a standby goes on beside its "
    "successor, and what it is told meanwhile is lost.",
    fix="switchoverDelay and stopDelay below the contract's RTO, smartShutdownTimeout below stopDelay, "
    "probes.liveness.isolationCheck.enabled: true",
    scenario="A node is drained in the peak, and the primary moves in seconds, not in an hour.",
)
def recovers_in_time(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    promised = graph.contract.seconds("rtoSeconds")
    for key, default in (("switchoverDelay", 3600), ("stopDelay", 1800), ("failoverDelay", 0)):
        if (delay := cluster.number(f"spec.{key}", default)) > promised:
            yield Violation(cluster, f"{key} is {delay} s, the contract's RTO {promised} s")
    stop, smart = cluster.number("spec.stopDelay", 1800), cluster.number("spec.smartShutdownTimeout", 180)
    if smart >= stop:
        yield Violation(cluster, f"smartShutdownTimeout {smart} s leaves nothing of stopDelay {stop} s")
    lease = cluster.number("spec.primaryLease.leaseDurationSeconds", 15)
    if lease * 2 > promised:
        yield Violation(cluster, f"the primary's lease of {lease} s takes more than half of the RTO of {promised} s")
    # On by default since 1.27. A single instance has no successor, and would only stop with the API server.
    several = cluster.number("spec.instances", 1) > 1
    if several and not cluster.flag("spec.probes.liveness.isolationCheck.enabled", True):
        yield Violation(cluster, "its isolation check is off: a primary that is cut off goes on beside its successor")


@stack_rule(
    "db-06",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.HIGH,
    says="WAL has a volume of its own, which holds the peak's WAL for as long as the archive may be out.",
    why="A full WAL volume stops the primary; on the data volume it would take the data with it.",
    fix="walStorage of orders in a peak hour x WAL of an order x hours, and a fifth for checkpoints",
    scenario="S3 is not reachable for a night in December; in the morning the shop is still up.",
    implies=("db-07", "db-10"),
    protects=Protects.DATA,
)
def wal_has_room(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    if not cluster.has("spec.walStorage.size"):
        yield Violation(cluster, "no walStorage: WAL fills the data volume")
        return
    size = quantity(cluster.at("spec.walStorage.size"))
    orders, kib = graph.contract.count("peakOrdersPerHour"), graph.config.number(WAL_KIB_PER_ORDER)
    hours = graph.config.number(ARCHIVE_OUTAGE_HOURS)
    needed = Sum()
    needed.add("unarchived", (orders, "orders/h"), (kib, "KiB"), (hours, "h"))
    needed.add("checkpoints", (size_mib(cluster, "max_wal_size"), "MiB max_wal_size"), (1024, "KiB"))
    if (needed.total * 1024) > size:
        gib = needed.total * 1024 / GIB
        yield Violation(cluster, f"WAL volume is {size / GIB:g} GiB, the peak needs {gib:.1f} GiB: {needed} KiB")
