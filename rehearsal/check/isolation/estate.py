"""All stacks of a retail group, side by side: whose is what, and on whose cluster."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from rehearsal.check.claims import group_kind
from rehearsal.check.cursor import Cursor, without_secrets
from rehearsal.check.finding import Where
from rehearsal.check.inventory import Declared, Pods, Thing, with_references
from rehearsal.check.promises import of_object
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation
from retail.naming import CHANGE_CONTROL, LABEL_TENANT

EKS_CLUSTER = "aws:eks/cluster:Cluster"
DATABASE_CLUSTER = "Cluster.postgresql.cnpg.io"

COMMON: Final = frozenset({CHANGE_CONTROL})
"""Namespaces that every cluster's owner declares, in which each stack on the cluster has objects. Their names mean
nobody, and whose an object in them is follows from its own name."""


@dataclass(frozen=True, order=True)
class Leak:
    """A way from one stack to what is another's (or nobody's, or everybody's: `other` is empty then)."""

    tenant: str
    other: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.tenant}{f' -> {self.other}' if self.other else ''}: {self.where}: {self.message}"


@dataclass(frozen=True)
class AwsResource:
    """One AWS resource of a stack: inputs and outputs, secrets hidden."""

    type: str
    name: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.type.rpartition(':')[2]} {self.name}"


@dataclass(frozen=True)
class Tenant:
    """One stack. Its unit is a retailer in one environment: production is kept from training of the same retailer."""

    evaluation: Evaluation

    @property
    def stack(self) -> str:
        return self.evaluation.stack

    @cached_property
    def objects(self) -> tuple[Declared, ...]:
        """Its Kubernetes objects; secret values are UNKNOWN in them."""
        return tuple(
            Declared(
                Where(item.kind, item.namespace or "", item.name, item.urn),
                group_kind(item.api_version, item.kind),
                item.namespace,
                item.name,
                Cursor(without_secrets(item.manifest)),
            )
            for item in kubernetes_objects(self.evaluation)
        )

    @cached_property
    def aws(self) -> tuple[AwsResource, ...]:
        return tuple(
            AwsResource(each.type, each.name, without_secrets(each.inputs), without_secrets(each.outputs))
            for each in self.evaluation.resources.values()
            if each.custom and each.type.startswith("aws:")
        )

    @cached_property
    def namespaces(self) -> dict[str, dict[str, str]]:
        """Labels of the tenants' namespaces it declares, the name among them as Kubernetes has it.

        Cluster owners also declare those of operators, which carry no label of ours.
        """
        labels = {item.name: item.root.down("metadata", "labels").mapping() for item in self.of_kind("Namespace")}
        return {
            name: {**given, "kubernetes.io/metadata.name": name}
            for name, given in labels.items()
            if LABEL_TENANT in given
        }

    @cached_property
    def own_namespaces(self) -> frozenset[str]:
        """Those it declares that nobody else has objects in."""
        return frozenset(self.namespaces) - COMMON

    def owns_name(self, name: str) -> bool:
        """Whether an object of that name in another's or a common namespace is its own: the name is that of one of its
        namespaces, or begins with it."""
        return any(name == namespace or name.startswith(f"{namespace}-") for namespace in self.own_namespaces)

    def runs_in(self, namespace: Any) -> bool:
        """Whether pods that it declares there are its own, not an operator's."""
        return namespace in self.namespaces or namespace in COMMON

    @cached_property
    def pods(self) -> tuple[Pods, ...]:
        """What runs in its namespaces and the common ones, its operators' promises included."""
        found = (made for item in self.objects for made in of_object(item) if isinstance(made, Pods))
        return tuple(pods for pods in found if self.runs_in(pods.namespace))

    @cached_property
    def things(self) -> tuple[Thing, ...]:
        return tuple(made for item in self.objects for made in of_object(item) if isinstance(made, Thing))

    @property
    def owns_database(self) -> bool:
        return bool(self.of_kind(DATABASE_CLUSTER))

    def of_kind(self, *kinds: str) -> list[Declared]:
        return [item for item in self.objects if item.kind in kinds]

    def of_type(self, *types: str) -> list[AwsResource]:
        return [each for each in self.aws if each.type in types]


@dataclass
class Estate:
    """Stacks by name, each with the one whose cluster it is on. `compared` counts what the proof looked at."""

    tenants: dict[str, Tenant]
    hosts: dict[str, str]
    compared: Counter[str] = field(default_factory=Counter)

    def host(self, tenant: Tenant) -> Tenant:
        """Whose cluster it is on; its own stack where that has one."""
        return self.tenants[self.hosts[tenant.stack]]

    def shares(self, tenant: Tenant) -> bool:
        """Whether it lives on its host's database, edge and nodes, not on the cluster alone."""
        return self.hosts[tenant.stack] != tenant.stack and not tenant.owns_database

    def neighbours(self, tenant: Tenant) -> Iterator[Tenant]:
        """The others on the same cluster."""
        for other in self.tenants.values():
            if other.stack != tenant.stack and self.hosts[other.stack] == self.hosts[tenant.stack]:
                yield other

    def others(self, tenant: Tenant) -> Iterator[Tenant]:
        return (other for other in self.tenants.values() if other.stack != tenant.stack)

    def may_reach(self, tenant: Tenant, other: Tenant) -> bool:
        """A shared retailer and its platform, which is database and edge for it; nobody else."""
        return (self.shares(tenant) and self.host(tenant) is other) or (
            self.shares(other) and self.host(other) is tenant
        )

    def owner_of_namespace(self, tenant: Tenant, namespace: str) -> Tenant | None:
        """Whose namespace that is on the tenant's cluster; None for operators' namespaces."""
        around = (tenant, *self.neighbours(tenant))
        return next((each for each in around if namespace in each.namespaces), None)


def join(evaluations: Iterable[Evaluation]) -> Estate:
    """The estate of these stacks and of those they refer to. Raises KeyError for a stack on a cluster of nobody's."""
    tenants: dict[str, Tenant] = {}
    given = list(evaluations)
    for evaluation in (*given, *(far for near in given for far in with_references(near))):
        tenants.setdefault(evaluation.stack, Tenant(evaluation))
    return Estate(tenants, {stack: _host(tenant) for stack, tenant in tenants.items()})


def _host(tenant: Tenant) -> str:
    if any(resource.type == EKS_CLUSTER for resource in tenant.aws):
        return tenant.stack
    (platform,) = tenant.evaluation.references.values()
    return platform.stack
