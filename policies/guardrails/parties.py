"""Who is who on the network: each kind of pod in the stack's own namespaces, and what it is there for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from guardrails import kinds
from guardrails.archives import runs_business
from guardrails.kubernetes.workloads import CLUSTER_LABEL, TIER, Workload
from guardrails.odoo import OdooPod, Path, path_of
from guardrails.reading import Node, Unjudged

if TYPE_CHECKING:
    from guardrails.graph import Graph

POD_ROLE, INSTANCE_ROLE = "cnpg.io/podRole", "cnpg.io/instanceRole"
METRICS: Final = "metrics"
"""What a port is called that is there for Prometheus alone."""

TOOLS: Final = ("release", "rotation")
"""Tiers that are no Odoo: they work on the primary itself, and end."""

DRILL: Final = "restore-drill"


class Role(StrEnum):
    """What pods are there for, as far as the network is concerned."""

    PRIMARY = "the primary"
    STANDBY = "a standby"
    POOLER = "a pooler"
    RESTORED = "the restored database"
    REDIS = "Redis"
    ODOO = "Odoo"
    EDGE = "the edge"
    TOOL = "a tool"
    DRILL = "the restore drill"
    OTHER = "other pods"

    @property
    def of_postgres(self) -> bool:
        return self in (Role.PRIMARY, Role.STANDBY, Role.POOLER, Role.RESTORED)


@dataclass(frozen=True, eq=False)
class Party:
    """Pods of one kind: what they are, where, and with which labels. `workload` is None for what operators make."""

    role: Role
    namespace: str
    labels: Mapping[str, str]
    workload: Workload | None
    graph: "Graph"

    def __str__(self) -> str:
        return f"{self.role} of {self.workload.resource.where}" if self.workload else f"{self.role} in {self.namespace}"

    @cached_property
    def odoo(self) -> list[OdooPod]:
        return self.graph.odoo_of(self.workload.resource) if self.workload and self.role is Role.ODOO else []

    @cached_property
    def paths(self) -> list[Path]:
        """The ways to PostgreSQL that its configuration takes."""
        found = []
        for pod in self.odoo:
            found += [pod.path, pod.runner_path]
            if replica := pod.text("db_replica_host"):
                found.append(path_of(replica, self.namespace, self.graph))
        return found

    @property
    def runs_queue(self) -> bool:
        return any(pod.runs_queue for pod in self.odoo)

    @property
    def runs_business(self) -> bool:
        """Whether it runs the retailer's own processes: reports, payment, shipping, marketplaces."""
        return any(runs_business(pod) for pod in self.odoo)

    @property
    def keeps_sessions(self) -> bool:
        return any(pod.environment("ODOO_SESSION_REDIS_URL") is not None and not pod.runs_queue for pod in self.odoo)

    @cached_property
    def has_aws_role(self) -> bool:
        account = self.account
        return account is not None and (self.namespace, account) in self.graph.aws_accounts

    @property
    def account(self) -> str | None:
        """Its ServiceAccount; None where only a deployment tells. CloudNativePG names those that it makes."""
        if self.workload is None:
            return None
        if self.role in (Role.PRIMARY, Role.STANDBY):
            return self.workload.resource.object_name
        return account_of(self.workload, self.graph)

    def ports(self, *, metrics: bool) -> frozenset[int]:
        """Ports that its containers listen on: those for Prometheus, or the others."""
        listed = self._container_ports
        return frozenset(port for name, port in listed if (name == METRICS) is metrics)

    @cached_property
    def _container_ports(self) -> list[tuple[str, int]]:
        containers = self.workload.containers if self.workload and not self.role.of_postgres else []
        return [
            (port.text("name", ""), int(port.number("containerPort")))
            for container in containers
            for port in container.items("ports")
        ]

    def answers_to(self, host: str) -> bool:
        """Whether a Service of that name, in its namespace, leads to it."""
        name, _, rest = host.partition(".")
        service = self.graph.named(kinds.SERVICE, self.namespace, name)
        selector = service.texts("spec.selector") if service else {}
        here = not rest or rest.partition(".")[0] == self.namespace
        return bool(selector) and here and selector.items() <= self.labels.items()


def account_of(workload: Workload, graph: "Graph") -> str | None:
    """The ServiceAccount that a pod template names; None where only a deployment tells which of several it is."""
    node = workload.spec.at("serviceAccountName")
    if node.known():
        return node.text("", "default")
    made_from = graph.sources(workload.resource, "spec", kinds.SERVICE_ACCOUNT)
    here = [each.object_name for each in made_from if each.namespace == workload.namespace]
    return here[0] if len(here) == 1 else None


def parties(graph: "Graph") -> list[Party]:
    """Every kind of pod in the stack, the restored database of a drill included."""
    found = [party for workload in graph.workloads for party in _of(workload, graph)]
    drills = {party.namespace for party in found if party.role is Role.DRILL}
    labels = {CLUSTER_LABEL: "drill", POD_ROLE: "instance", INSTANCE_ROLE: "primary", TIER: "restored-database"}
    return [*found, *(Party(Role.RESTORED, namespace, labels, None, graph) for namespace in sorted(drills))]


def _of(workload: Workload, graph: "Graph") -> Iterator[Party]:
    try:
        namespace, labels = workload.namespace, workload.labels
    except Unjudged:
        return  # Whoever judges this workload says so.
    if workload.is_database:
        for role, instance in ((Role.PRIMARY, "primary"), (Role.STANDBY, "replica")):
            yield Party(role, namespace, {**labels, INSTANCE_ROLE: instance, "role": instance}, workload, graph)
        return
    if workload.is_pooler:
        cluster = workload.resource.text("spec.cluster.name", "")
        yield Party(Role.POOLER, namespace, {**labels, CLUSTER_LABEL: cluster}, workload, graph)
        return
    yield Party(_role(workload, graph), namespace, labels, workload, graph)


def _role(workload: Workload, graph: "Graph") -> Role:
    if any(proxy.workload is workload or proxy.resource is workload.resource for proxy in graph.routing.proxies):
        return Role.EDGE
    if _runs(workload, "valkey-server", "redis-server"):
        return Role.REDIS
    if workload.tier in TOOLS and not workload.stays:
        return Role.TOOL
    if workload.tier == DRILL and not workload.stays:
        return Role.DRILL
    try:
        return Role.ODOO if graph.odoo_of(workload.resource) else Role.OTHER
    except Unjudged:
        return Role.OTHER


def _runs(workload: Workload, *programs: str) -> bool:
    words = {word for each in workload.containers for word in _argv(each)}
    return any(word.rpartition("/")[2] in programs for word in words)


def _argv(container: Node) -> list[str]:
    return [*container.words("command"), *container.words("args")]
