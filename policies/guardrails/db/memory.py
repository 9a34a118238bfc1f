"""Memory that is the database's own, and enough for what PostgreSQL may take of it."""

from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.kubernetes.quantities import MIB, postgres_bytes, quantity
from guardrails.postgres import parameter
from guardrails.reading import Node, whole
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.sums import Sum

BUFFERS_SHARE: Final = 0.4
"""Of the memory: PostgreSQL's documentation advises 25 % and sees no use in more than 40 % (resource consumption)."""

BACKEND_MIB: Final = 8
"""Of a connection beside its work_mem: catalogue caches of Odoo's thousand tables, plans, buffers."""


@stack_rule(
    "db-12",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.HIGH,
    says="The memory that the database asks for is enough for what PostgreSQL may take: buffers, every connection's "
    "work, and maintenance.",
    why="Memory beyond the request is lent: the kernel takes it back by killing PostgreSQL, and every session with it. "
    "Without a limit the container has the default of its namespace's LimitRange, which is meant for small helpers.",
    fix="requests.memory of what PostgreSQL may take, limits.memory of as much or more; shared_buffers a quarter; "
    "less work_mem or max_connections, or more memory (a restart: before the season)",
    scenario="Black Friday, 20:30: all connections sort at once, and PostgreSQL is still there.",
    implies=("iso-01",),
)
def memory_suffices(cluster: Resource, _: Graph) -> Iterable[Violation]:
    bound, asked = (cluster.at(f"spec.resources.{each}.memory") for each in ("limits", "requests"))
    if not bound.has():
        yield Violation(cluster, "no memory limit of its own: it has what the namespace's LimitRange gives by default")
        return
    limit = whole(quantity(bound) / MIB)
    # Where only a limit is given, Kubernetes takes it for the request.
    memory = whole(quantity(asked) / MIB) if asked.has() else limit
    if memory > limit:
        yield Violation(cluster, f"asks for {memory} MiB of memory, and its limit is {limit} MiB")
    buffers = whole(_size(cluster, "shared_buffers", "128MB", "8kB"))
    if buffers > memory * BUFFERS_SHARE:
        told = f"more than {BUFFERS_SHARE:.0%} of its {memory} MiB"
        yield Violation(cluster, f"shared_buffers are {buffers} MiB, {told}")
    if (needed := _needed(cluster, buffers)).total > memory:
        yield Violation(cluster, f"PostgreSQL may take {needed.total} MiB, and {memory} MiB are its own: {needed}")


def _needed(cluster: Resource, buffers: float) -> Sum:
    """MiB with every connection at work once; a hash may take several times work_mem (hash_mem_multiplier)."""
    connections = parameter(cluster, "max_connections").number("", 100)
    work = _size(cluster, "work_mem", "4MB", "kB") * parameter(cluster, "hash_mem_multiplier").number("", 2)
    maintenance = _size(cluster, "maintenance_work_mem", "64MB", "kB")
    own = parameter(cluster, "autovacuum_work_mem").text("", "-1") != "-1"
    vacuum = _size(cluster, "autovacuum_work_mem", "", "kB") if own else maintenance
    needed = Sum()
    needed.add("shared_buffers", (buffers, "MiB"))
    needed.add("connections", (connections, "max_connections"), (BACKEND_MIB + work, "MiB, a hash's among them"))
    needed.add("autovacuum", (parameter(cluster, "autovacuum_max_workers").number("", 3), "workers"), (vacuum, "MiB"))
    needed.add("maintenance", (maintenance, "MiB of one index"))
    return needed


def _size(cluster: Resource, name: str, default: str, unit: str) -> float:
    """A size parameter in MiB; `default` is PostgreSQL's own, `unit` that of a bare number."""
    node = parameter(cluster, name)
    return postgres_bytes(node if node.has() else Node(cluster, node.path, default), unit) / MIB
