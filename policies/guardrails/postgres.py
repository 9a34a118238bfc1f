"""PostgreSQL's parameters and roles, as a CloudNativePG Cluster declares them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from guardrails import kinds
from guardrails.kubernetes.durations import postgres_seconds
from guardrails.kubernetes.quantities import MIB, postgres_bytes
from guardrails.reading import Node
from guardrails.resource import Resource

if TYPE_CHECKING:
    from guardrails.graph import Graph

UNLIMITED: Final = -1
"""PostgreSQL's own default of a role's connection limit."""


def parameter(cluster: Resource, name: str) -> Node:
    """A parameter of postgresql.conf; their names may have dots in them."""
    return cluster.entries("spec.postgresql.parameters").get(name) or Node(
        cluster, f"spec.postgresql.parameters.{name}", None
    )


def size_mib(cluster: Resource, name: str) -> float:
    """A size parameter whose own unit is MB, in MiB."""
    return postgres_bytes(parameter(cluster, name), "MB") / MIB


def milliseconds(cluster: Resource, name: str) -> float:
    """A time parameter whose own unit is ms."""
    return postgres_seconds(parameter(cluster, name), "ms") * 1000


def login_roles(cluster: Resource) -> Iterator[Node]:
    """Roles that CloudNativePG manages and that may log in."""
    for role in cluster.items("spec.managed.roles"):
        if role.flag("login", False) and role.text("ensure", "present") == "present":
            yield role


def owner(cluster: Resource) -> str:
    """The role that owns the application's database."""
    return cluster.text("spec.bootstrap.initdb.owner", "app")


def logins_of_odoo(cluster: Resource) -> list[Node]:
    """Managed roles that act as the owner; empty where the owner itself logs in."""
    return [role for role in login_roles(cluster) if owner(cluster) in role.words("inRoles")]


def poolers_of(cluster: Resource, graph: "Graph") -> list[Resource]:
    """The cluster's Poolers in front of the primary."""
    return [
        pooler
        for pooler in graph.within(cluster.namespace, kinds.POOLER)
        if pooler.text("spec.cluster.name") == cluster.object_name and pooler.text("spec.type", "rw") == "rw"
    ]
