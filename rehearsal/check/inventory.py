"""All there will be in the cluster: what the program declares, and what operators promise to make of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from rehearsal.check.claims import group_kind
from rehearsal.check.cursor import Cursor, without_secrets
from rehearsal.check.finding import Where
from rehearsal.engine.kubernetes_objects import KubernetesObject
from rehearsal.engine.model import UNKNOWN, Evaluation

CLUSTER_SCOPED: Final = frozenset(
    {"Namespace", "Node", "PersistentVolume", "PriorityClass.scheduling.k8s.io", "StorageClass.storage.k8s.io"}
    | {"CSIDriver.storage.k8s.io", "VolumeAttributesClass.storage.k8s.io", "RuntimeClass.node.k8s.io"}
    | {"ClusterRole.rbac.authorization.k8s.io", "ClusterRoleBinding.rbac.authorization.k8s.io"}
    | {"IngressClass.networking.k8s.io", "CustomResourceDefinition.apiextensions.k8s.io"}
    | {"ValidatingWebhookConfiguration.admissionregistration.k8s.io"}
    | {"MutatingWebhookConfiguration.admissionregistration.k8s.io"}
    | {"ValidatingAdmissionPolicy.admissionregistration.k8s.io"}
    | {"ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io"}
    | {"APIService.apiregistration.k8s.io", "FlowSchema.flowcontrol.apiserver.k8s.io"}
    | {"PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io"}
)
"""Built-in kinds without a namespace (`kubectl api-resources --namespaced=false`, those a program may declare)."""


Ports = frozenset[Any]


@dataclass(frozen=True)
class Thing:
    """Something that will exist. `by` says who promises it, and is empty for what the program declares.

    `keys` are those of a Secret or ConfigMap, `ports` the numbers and names a Service offers; None where not known.
    `name` may be UNKNOWN. `kind` is `Kind.group`, or words of our own for what is no object (a PostgreSQL role).
    """

    kind: str
    namespace: str | None
    name: Any
    by: str = ""
    keys: frozenset[str] | None = None
    ports: Ports | None = None


@dataclass(frozen=True)
class Pods:
    """Pods of one workload: their labels and container ports, by number and name.

    UNKNOWN as the value of a label stands for any value, in place of all labels for any labels, among the ports for any
    port more.
    """

    namespace: str
    labels: Any
    ports: Ports
    by: str


@dataclass(frozen=True)
class Declared:
    """An object of the program, readable without showing secrets. Its `namespace` is None where the kind has none."""

    where: Where
    kind: str
    namespace: str | None
    name: str
    root: Cursor

    def __str__(self) -> str:
        return f"{self.where.kind} {self.name}"


def declared(item: KubernetesObject, cluster_scoped: bool) -> Declared:
    """One object, ready for reading."""
    namespace = None if cluster_scoped else item.namespace or "default"
    where = Where(item.kind, namespace or "", item.name, item.urn)
    kind = group_kind(item.api_version, item.kind)
    return Declared(where, kind, namespace, item.name, Cursor(without_secrets(item.manifest)))


@dataclass
class Inventory:
    """Everything that can be referred to.

    `trusted` namespaces hold what Helm charts install: who, by namespace. `nameless` are the kinds, by namespace, of
    which there are some whose names are unknown as yet.
    """

    things: dict[tuple[str, str | None, str], Thing] = field(default_factory=dict)
    pods: dict[str, list[Pods]] = field(default_factory=dict)
    nameless: set[tuple[str, str | None]] = field(default_factory=set)
    trusted: dict[str, str] = field(default_factory=dict)

    def add(self, found: Iterable[Thing | Pods]) -> None:
        """What exists through an object or on its own. What was added first stays: the program before promises."""
        for one in found:
            if isinstance(one, Pods):
                self.pods.setdefault(one.namespace, []).append(one)
            elif one.name is UNKNOWN:
                self.nameless.add((one.kind, one.namespace))
            else:
                self.things.setdefault((one.kind, one.namespace, one.name), one)

    def find(self, kind: str, namespace: str | None, name: str) -> Thing | None:
        return self.things.get((kind, namespace, name))

    def namespaces_with(self, kind: str, name: str) -> list[str]:
        """The namespaces that have a thing of that kind and name."""
        return sorted(ns for k, ns, n in self.things if (k, n) == (kind, name) and ns is not None)

    def names(self, kind: str, namespace: str | None) -> list[str]:
        return sorted(n for k, ns, n in self.things if (k, ns) == (kind, namespace))


def with_references(evaluation: Evaluation) -> Iterator[Evaluation]:
    """The evaluation, then those of the stacks it refers to, near and far, each once."""
    seen: set[tuple[str, str]] = set()
    waiting = [evaluation]
    while waiting:
        current = waiting.pop(0)
        if (key := (current.project, current.stack)) not in seen:
            seen.add(key)
            yield current
            waiting += current.references.values()
