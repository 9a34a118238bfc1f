"""By which way Odoo comes to its database, and to which."""

import re
from collections.abc import Iterable

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.odoo import Way
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule


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
