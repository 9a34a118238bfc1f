"""Whatever runs pods, in one form: Kubernetes workloads, and PostgreSQL's instances and poolers."""

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from guardrails import kinds
from guardrails.kubernetes.quantities import quantity
from guardrails.kubernetes.scaling import Scaler
from guardrails.reading import Node
from guardrails.resource import Resource, family

if TYPE_CHECKING:
    from guardrails.graph import Graph

_TEMPLATES: Final = {
    family(kinds.DEPLOYMENT): ("spec.template", "spec.replicas"),
    family(kinds.STATEFUL_SET): ("spec.template", "spec.replicas"),
    family(kinds.REPLICA_SET): ("spec.template", "spec.replicas"),
    family(kinds.DAEMON_SET): ("spec.template", ""),
    family(kinds.JOB): ("spec.template", "spec.parallelism"),
    family(kinds.CRON_JOB): ("spec.jobTemplate.spec.template", "spec.jobTemplate.spec.parallelism"),
    family(kinds.POD): ("", ""),
    family(kinds.POOLER): ("spec.template", "spec.instances"),
    family(kinds.POSTGRES_CLUSTER): ("", "spec.instances"),
}
"""Where the pod template and the number of pods stand, by family."""

POOLER_LABEL, CLUSTER_LABEL = "cnpg.io/poolerName", "cnpg.io/cluster"
"""Labels that CloudNativePG gives its pods, with the name of the Pooler or Cluster."""

CEILING: Final = "retail/replica-ceiling"
"""Annotation with the pods that the API server lets people have (admission.toml, db-01-replica-ceilings)."""

TIER, CLASS, TENANT, POOL = "retail/tier", "retail/class", "retail/tenant", "retail/pool"


class Workload:
    """Pods of one template. `spec` is the pod's; for PostgreSQL instances what stands for it, `spec.affinity`."""

    def __init__(self, resource: Resource, graph: "Graph") -> None:
        self.resource, self._graph = resource, graph
        template, self._replicas = _TEMPLATES[resource.family]
        self._metadata = resource.at(f"{template}.metadata" if template else "metadata")
        self.spec = resource.at(f"{template}.spec" if template else "spec")
        if self.is_database:
            self._metadata, self.spec = resource.at("spec.inheritedMetadata"), resource.at("spec.affinity")

    @property
    def kind(self) -> str:
        return self.resource.kind.removesuffix("Patch")

    @property
    def is_database(self) -> bool:
        return self.resource.family == family(kinds.POSTGRES_CLUSTER)

    @property
    def is_pooler(self) -> bool:
        return self.resource.family == family(kinds.POOLER)

    @property
    def stays(self) -> bool:
        """Whether its pods are meant to run all the time; jobs end."""
        return self.kind not in ("Job", "CronJob")

    @property
    def namespace(self) -> str:
        return self.resource.namespace

    @cached_property
    def labels(self) -> dict[str, str]:
        """Of its pods, with those that CloudNativePG adds."""
        own = {}
        if self.is_database:
            own = {CLUSTER_LABEL: self.resource.object_name, "cnpg.io/podRole": "instance"}
        if self.is_pooler:
            own = {POOLER_LABEL: self.resource.object_name, "cnpg.io/podRole": "pooler"}
        return {**self._metadata.texts("labels"), **own}

    @property
    def tier(self) -> str:
        return self.labels.get(TIER, "")

    @cached_property
    def scaler(self) -> Scaler | None:
        return self._graph.scalers.of(self.resource)

    @property
    def floor(self) -> int | float:
        """Pods there always are: the scaler's minimum, else the replicas (one where nothing says)."""
        return self.scaler.floor if self.scaler else self._own_replicas

    @property
    def awake(self) -> int | float:
        """Pods there are while anybody works: its floor, but of what sleeps those of its working hours."""
        return self.scaler.awake if self.scaler else self._own_replicas

    @property
    def ceiling(self) -> int | float:
        """Pods there are at most."""
        return self.scaler.ceiling if self.scaler else self._own_replicas

    @property
    def most(self) -> int | float:
        """Pods that people may make of it by hand: the ceiling that the API server holds them to, if it is higher."""
        held = [held_ceiling(self.resource), held_ceiling(self.scaler.resource) if self.scaler else None]
        return max([self.ceiling, *(each for each in held if each is not None)])

    @property
    def _own_replicas(self) -> int | float:
        return self.resource.number(self._replicas, 1) if self._replicas else 1

    @property
    def containers(self) -> list[Node]:
        return self.spec.items("containers")

    @property
    def init_containers(self) -> list[Node]:
        return self.spec.items("initContainers")

    def container(self, name: str) -> Node | None:
        return next((each for each in self.containers if each.text("name") == name), None)

    def request(self, name: str) -> int | float:
        """What a pod asks for of `cpu` (cores) or `memory` (bytes): all containers together; 0 where none says."""
        asking = [self.resource.at("spec")] if self.is_database else self.containers
        return sum(quantity(each.at(f"resources.requests.{name}"), 0) for each in asking)

    @property
    def spread(self) -> list[Node]:
        return (self.resource.at("spec") if self.is_database else self.spec).items("topologySpreadConstraints")

    @cached_property
    def node_selector(self) -> dict[str, str]:
        return self.spec.texts("nodeSelector")

    @cached_property
    def tolerations(self) -> list[Node]:
        return self.spec.items("tolerations")


def held_ceiling(resource: Resource) -> int | None:
    """The replica ceiling that an object carries; None without one that the API server could read."""
    node = resource.entries("metadata.annotations").get(CEILING)
    text = node.text("", "") if node else ""
    return int(text) if re.fullmatch("[0-9]{1,4}", text) else None


def runs_pods(resource: Resource) -> bool:
    """Whether `resource` is a workload."""
    return resource.family in _TEMPLATES
