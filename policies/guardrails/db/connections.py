"""Connections that add up, at poolers and at PostgreSQL."""

import math
from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.odoo import OdooPod, Way
from guardrails.postgres import (
    UNLIMITED,
    login_roles,
    logins_of_odoo,
    parameter,
    poolers_of,
)
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.sums import Sum

DATABASES: Final = 2
"""Odoo's own and `postgres`, where every tier sends NOTIFY (facts, Odoo §3); PgBouncer keeps a pool for each."""


HELD_BY_WORKER: Final = 3
"""Connections a worker is seen to hold: its database, `postgres`, and one more (facts, Odoo §3)."""


UPGRADE = limit("upgrade-connections", 4, "Connections of a release's module upgrade.")


DRILL = limit("drill-connections", 4, "Connections of restore drills' and rotations' checks.")


EXPORTER = limit("exporter-connections", 2, "Connections of CloudNativePG's exporter.")


OPERATOR = limit("operator-connections", 10, "Connections of CloudNativePG: replication and instance manager.")


@stack_rule(
    "db-01",
    of=kinds.POOLER,
    severity=Severity.CRITICAL,
    says="What all processes of all pods at their ceilings could open fits into the poolers with a zone lost.",
    why="PgBouncer refuses the client that is one too many, and Odoo answers it with an error at once, in the peak.",
    fix="raise max_client_conn or the pooler's instances, or lower a tier's ceiling, workers or db_maxconn",
    scenario="Black Friday: every tier is at its ceiling, a zone is lost, and two poolers take the clients of three.",
    implies=("az-02", "az-05", "db-02", "db-13", "iso-01", "ops-03"),
)
def client_connections(pooler: Resource, graph: Graph) -> Iterable[Violation]:
    worst, expected = Sum(), Sum()
    for pod in graph.odoo:
        if pod.path.pooler != pooler.object_name:
            continue
        workload = pod.workload
        pods = (workload.most, f"pods of {workload.resource.where}")
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
    pods = (workload.most, "pods")
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
