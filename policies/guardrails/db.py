"""Rules on the database: connections that add up, commits that survive, and nothing that a season may change."""

import math
import re
from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.fingerprints import listed
from guardrails.graph import Graph
from guardrails.kubernetes.nodes import NodeSet
from guardrails.kubernetes.quantities import GIB, MIB, quantity
from guardrails.odoo import OdooPod, Way
from guardrails.postgres import (
    UNLIMITED,
    login_roles,
    logins_of_odoo,
    milliseconds,
    parameter,
    poolers_of,
    size_mib,
)
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule
from guardrails.sums import Sum

DATABASES: Final = 2
"""Odoo's own and `postgres`, where every tier sends NOTIFY (facts, Odoo §3); PgBouncer keeps a pool for each."""

HELD_BY_WORKER: Final = 3
"""Connections a worker is seen to hold: its database, `postgres`, and one more (facts, Odoo §3)."""

UPGRADE = limit("upgrade-connections", 4, "Connections of a release's module upgrade.")
DRILL = limit("drill-connections", 4, "Connections of restore drills' and rotations' checks.")
EXPORTER = limit("exporter-connections", 2, "Connections of CloudNativePG's exporter.")
OPERATOR = limit("operator-connections", 10, "Connections of CloudNativePG: replication and instance manager.")
ARCHIVE_OUTAGE_HOURS = limit("archive-outage-hours", 6, "Hours of WAL that must fit while it can't be archived.")
WAL_KIB_PER_ORDER = limit("wal-kib-per-order", 400, "WAL of one order through all its documents, KiB.")


@stack_rule(
    "db-01",
    of=kinds.POOLER,
    severity=Severity.CRITICAL,
    says="What all processes of all pods at their ceilings could open fits into the poolers with a zone lost.",
    why="PgBouncer refuses the client that is one too many, and Odoo answers it with an error at once, in the peak.",
    fix="raise max_client_conn or the pooler's instances, or lower a tier's ceiling, workers or db_maxconn",
    scenario="Black Friday: every tier is at its ceiling, a zone is lost, and two poolers take the clients of three.",
    implies=("az-02", "az-05", "db-02", "iso-01", "ops-03"),
)
def client_connections(pooler: Resource, graph: Graph) -> Iterable[Violation]:
    worst, expected = Sum(), Sum()
    for pod in graph.odoo:
        if pod.path.pooler != pooler.object_name:
            continue
        workload = pod.workload
        pods = (workload.ceiling, f"pods of {workload.resource.where}")
        pooled = pod.http_processes + pod.cron_threads
        worst.add(workload.resource.object_name, pods, (pooled, "processes"), (pod.maxconn, "db_maxconn"))
        if pod.gevent_processes:
            gevent = (pod.gevent_processes, "gevent"), (pod.maxconn_gevent, "db_maxconn_gevent")
            worst.add(f"{workload.resource.object_name}'s child", pods, *gevent)
        expected.add(workload.resource.object_name, pods, (pooled, "processes"), (HELD_BY_WORKER, "held"))
    if not graph.contract.serves_retailer:
        retailers = (graph.contract.count("maxRetailers"), "retailers")
        worst.add("hosted", retailers, (graph.contract.count("connectionsPerRetailer"), "connections"))
    instances = pooler.number("spec.instances", 1)
    left = instances - math.ceil(instances / 3) or instances
    most = pooler.at("spec.pgbouncer.parameters").number("max_client_conn", 100)
    if worst.total > most * left:
        yield Violation(
            pooler,
            f"clients could open {worst.total} (expected are {expected.total}), {left} of {instances} poolers take "
            f"{left} x {most} max_client_conn = {most * left}: {worst}",
        )


@stack_rule(
    "db-02",
    severity=Severity.CRITICAL,
    says="All server connections together, worst case, are within PostgreSQL's max_connections.",
    why="The connection that is one too many is refused, whose ever it is: a till's, the queue's, or the standby's.",
    fix="raise max_connections (a restart: before the season), or lower pools, ceilings or a role's limit",
    scenario="A module upgrade, a restore drill and the peak's last pods want connections in the same hour.",
    implies=("db-10", "iso-12", "ops-03"),
)
def server_connections(graph: Graph) -> Iterable[Violation]:
    for cluster in graph.all(kinds.POSTGRES_CLUSTER):
        yield from _of_own_cluster(cluster, graph)
    for role in graph.all(kinds.DATABASE_ROLE):
        yield from _of_slice(role, graph)


def _of_own_cluster(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    contract, config = graph.contract, graph.config
    total = Sum()
    users = len(logins_of_odoo(cluster)) or 1 if contract.serves_retailer else 0
    for pooler in poolers_of(cluster, graph):
        _add_pools(total, pooler, users)
    for pod in graph.odoo:
        _add_direct(total, pod)
    if not contract.serves_retailer:
        # The limit of each retailer's role holds whichever way its connections come.
        hosted, each = contract.count("maxRetailers"), contract.count("connectionsPerRetailer")
        total.add("hosted", (hosted, "retailers"), (each, "connectionLimit of each"))
    odoo = {role.text("name") for role in logins_of_odoo(cluster)}
    for role in login_roles(cluster):
        name = role.text("name")
        if name not in odoo:
            most = role.number("connectionLimit", UNLIMITED)
            if most == UNLIMITED:
                yield Violation(cluster, f"role {name} has no connectionLimit, so it may take every connection")
            else:
                total.add(f"role {name}", (most, "connectionLimit"))
    for one in (UPGRADE, DRILL, EXPORTER, OPERATOR):
        total.add(one.key.removesuffix("-connections"), (config.number(one), "connections"))
    total.add("superuser", (parameter(cluster, "superuser_reserved_connections").number("", 3), "reserved"))
    most = parameter(cluster, "max_connections").number("", 100)
    if total.total > most:
        yield Violation(cluster, f"up to {total.total} server connections, max_connections is {most}: {total}")


def _add_pools(total: Sum, pooler: Resource, users: int) -> None:
    """PgBouncer keeps a pool for each database and user, and one on `postgres` to look passwords up;
    max_db_connections holds those of a database together."""
    parameters = pooler.at("spec.pgbouncer.parameters")
    size = parameters.number("default_pool_size", 20) + parameters.number("reserve_pool_size", 0)
    bound = parameters.number("max_db_connections", 0)
    pods = (pooler.number("spec.instances", 1), "poolers")
    if users and 0 < bound <= size * users:
        total.add(pooler.object_name, pods, (bound, "max_db_connections"), (DATABASES, "databases"))
    else:
        pools = DATABASES * users + 1
        total.add(pooler.object_name, pods, (size, "connections"), (pools, "pools, that for passwords among them"))


def _add_direct(total: Sum, pod: OdooPod) -> None:
    """What bypasses the poolers. Pods that are always there, or all through working hours, finish their work beside
    their successors in a rollout, so they count twice; a runner keeps one connection, a scheduled worker its three."""
    workload = pod.workload
    name = workload.resource.object_name
    rollout = ((2, "in a rollout"),) if workload.stays and workload.awake >= workload.ceiling else ()
    pods = (workload.ceiling, "pods")
    if pod.runs_queue and pod.runner_path.way is Way.DIRECT:
        total.add(f"{name}'s runner", pods, (1, "connection"), *rollout)
    if not pod.serves or pod.path.way is not Way.DIRECT:
        return
    if pod.cron_threads:
        total.add(name, pods, (pod.cron_threads, "workers"), (HELD_BY_WORKER, "connections"), *rollout)
    if pod.is_gevent:
        total.add(name, pods, (1 + pod.maxconn_gevent, "LISTEN and db_maxconn_gevent"))
    if pod.http_processes:
        total.add(name, pods, (pod.http_processes, "workers"), (pod.maxconn, "db_maxconn"))


def _of_slice(role: Resource, graph: Graph) -> Iterable[Violation]:
    """In shared hosting the role's own limit is what a retailer may take of its platform's connections."""
    most, promised = role.number("spec.connectionLimit", UNLIMITED), graph.contract.count("maxConnections")
    if most == UNLIMITED or most > promised:
        told = "no limit" if most == UNLIMITED else str(most)
        yield Violation(role, f"connectionLimit is {told}, the platform gives each retailer {promised}")
        return
    total = Sum()
    for pod in graph.odoo:
        _add_direct(total, pod)
    total.add("upgrade", (graph.config.number(UPGRADE), "connections"))
    if total.total > most:
        yield Violation(role, f"up to {total.total} straight to PostgreSQL, its connectionLimit is {most}: {total}")


@stack_rule(
    "db-03",
    of=(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.CRON_JOB, kinds.JOB),
    severity=Severity.CRITICAL,
    says="What LISTENs or locks for a session goes straight to PostgreSQL, and nothing to a host nobody knows.",
    why="Transaction pooling hands the session to somebody else: notifications and chat stop, scheduled actions fall "
    "back to polling, the queue has two leaders, and nothing says so.",
    fix="db_host of websocket, scheduled and job runner tiers: <cluster>-rw; of all others the pooler's Service",
    scenario="Store staff no longer see new web orders until they reload the page.",
    implies=("db-01", "db-02", "iso-03", "iso-07", "ops-03"),
)
def listeners_direct(resource: Resource, graph: Graph) -> Iterable[Violation]:
    for pod in graph.odoo_of(resource):
        path = pod.path
        if path.way is Way.ELSEWHERE:
            yield Violation(resource, f"db_host {path.host} is no pooler or PostgreSQL of this stack")
        listening = [each for each in pod.listens if each != "queue runner"]
        if listening and path.way is not Way.DIRECT:
            yield Violation(resource, f"{' and '.join(listening)} on {path.host}, which is {path.way}, not direct")
        if pod.runs_queue and (runner := pod.runner_path).way is not Way.DIRECT:
            yield Violation(resource, f"the queue runner locks on {runner.host}, which is {runner.way}, not direct")


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
    says="A switchover, a stop before it and the primary's lease all end within the promised recovery time.",
    why="CloudNativePG waits an hour by default for a primary that can't ship its WAL, and half an hour for a stop.",
    fix="switchoverDelay and stopDelay below the contract's RTO, smartShutdownTimeout below stopDelay",
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
    "db-08",
    of=(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.CRON_JOB, kinds.JOB),
    severity=Severity.CRITICAL,
    says="Every Odoo sees one database, its retailer's own, and lists none.",
    why="Odoo offers every database that its role may enter; a wrong host name then opens another retailer's data, and "
    "the database manager shows their names.",
    fix="db_name = <database>, dbfilter = ^<database>$, list_db = False in odoo.conf, the same in every tier",
    scenario="A customer of one brand opens the address of another, and must not see its shop.",
    implies=("sec-07",),
    protects=Protects.ISOLATION,
)
def one_database(resource: Resource, graph: Graph) -> Iterable[Violation]:
    own = _own_databases(graph)
    for pod in graph.odoo_of(resource):
        name = pod.text("db_name")
        if not name or "," in name:
            yield Violation(resource, f"db_name names {'several databases' if name else 'no database'}")
        elif own and name not in own:
            yield Violation(resource, f"db_name is {name}, the retailer's own is {' or '.join(sorted(own))}")
        if pod.text("dbfilter") not in (f"^{re.escape(name or '')}$", f"^{name}$"):
            yield Violation(resource, f"dbfilter is {pod.text('dbfilter') or 'not set'}, not ^{name}$")
        if (pod.text("list_db", "True") or "").lower() not in (
            "false",
            "0",
            "no",
        ) and "--no-database-list" not in pod.argv:
            yield Violation(resource, "list_db is on")


def _own_databases(graph: Graph) -> set[str]:
    made = {each.text("spec.name") for each in graph.all(kinds.DATABASE)}
    booted = {each.text("spec.bootstrap.initdb.database", "app") for each in graph.all(kinds.POSTGRES_CLUSTER)}
    return made or booted


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


@stack_rule(
    "db-11",
    of=kinds.POOLER,
    severity=Severity.CRITICAL,
    says="A pooler leads to the primary of a PostgreSQL of this stack, pools by transaction, and takes TLS alone.",
    why="In session mode every client keeps a server connection for as long as it lives, and the sums of db-01 and "
    "db-02 are void; a pooler of type ro hands Odoo a standby, where nothing can be bought.",
    fix="type rw, poolMode transaction, cluster.name of the Cluster beside it, client_tls_sslmode require",
    scenario="Somebody tries session pooling for a report, and the checkout does not stop at the hundredth customer.",
    implies=("db-01", "db-02", "db-03"),
)
def pools_rightly(pooler: Resource, graph: Graph) -> Iterable[Violation]:
    name = pooler.text("spec.cluster.name")
    if not graph.named(kinds.POSTGRES_CLUSTER, pooler.namespace, name):
        yield Violation(pooler, f"leads to {name}, which is no PostgreSQL of this stack")
    if (leads := pooler.text("spec.type", "rw")) != "rw":
        yield Violation(pooler, f"type is {leads}: who comes through it can't write")
    if (mode := pooler.text("spec.pgbouncer.poolMode", "session")) != "transaction":
        yield Violation(pooler, f"poolMode is {mode}: every client keeps a connection to itself")
    tls = pooler.at("spec.pgbouncer.parameters").text("client_tls_sslmode", "prefer")
    if tls not in ("require", "verify-ca", "verify-full"):
        yield Violation(pooler, f"client_tls_sslmode is {tls}: passwords and rows may come in plain text")
