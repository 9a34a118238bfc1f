"""In which order the program's objects go to the cluster, and what each of them stands on.

The order is the program's own: `depends_on`, inputs made of other resources' outputs, parents. Two things the API
server itself insists on are added: a namespace before what is in it, a CustomResourceDefinition before its objects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Final

from rehearsal.engine.kubernetes_objects import KubernetesObject
from rehearsal.engine.model import Evaluation, Resource

# What pods are measured and admitted by goes first: pods made before their LimitRange keep no defaults, and a
# controller refused for want of a PriorityClass or ServiceAccount tries again only after a growing pause.
_FIRST: Final = frozenset({"Namespace", "CustomResourceDefinition", "PriorityClass", "StorageClass", "RuntimeClass"})
_SECOND: Final = frozenset(
    {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ResourceQuota", "LimitRange"}
    | {"NetworkPolicy", "ConfigMap", "Secret", "PodDisruptionBudget"}
)


@dataclass(frozen=True)
class Order:
    """`waves` hold every object once, each after all it needs; `needs` tells, by URN, the URNs of those."""

    waves: tuple[tuple[KubernetesObject, ...], ...]
    needs: Mapping[str, frozenset[str]]


def order(evaluation: Evaluation, objects: Sequence[KubernetesObject]) -> Order:
    """The waves in which `objects` are applied; those of one wave don't need each other."""
    by_urn = {item.urn: item for item in objects}
    every = _program_needs(evaluation, frozenset(by_urn))
    needs = {urn: every[urn] for urn in by_urn}
    namespaces = {item.name: item.urn for item in objects if item.kind == "Namespace"}
    definitions = {_defines(item): item.urn for item in objects if item.kind == "CustomResourceDefinition"}
    for item in objects:
        group = item.api_version.rpartition("/")[0]
        for foundation in (namespaces.get(item.namespace or ""), definitions.get((group, item.kind))):
            # A namespace that needs one of its own objects can't be helped: the API server will say so.
            if foundation and item.urn not in needs[foundation]:
                needs[item.urn].add(foundation)
    wave: dict[str, int] = {}
    for urn in TopologicalSorter(needs).static_order():
        wave[urn] = max([_rank(by_urn[urn].kind), *(wave[need] + 1 for need in needs[urn])])
    waves: dict[int, list[KubernetesObject]] = {}
    for item in objects:
        waves.setdefault(wave[item.urn], []).append(item)
    return Order(
        waves=tuple(tuple(waves[number]) for number in sorted(waves)),
        needs={urn: frozenset(needed) for urn, needed in needs.items()},
    )


def _program_needs(evaluation: Evaluation, objects: frozenset[str]) -> dict[str, set[str]]:
    """For every resource, the objects it needs by the program, near and far.

    Resources come in the order of registration and can only depend on earlier ones, so one pass is enough, and a child
    that names its own component as a dependency means its elder siblings.
    """
    needs: dict[str, set[str]] = {}
    descendants: dict[str, list[str]] = {}
    for urn, resource in evaluation.resources.items():
        # Children wait for what their parent waits for; a component's other children are no part of that.
        needs[urn] = set(needs.get(resource.parent, ()))
        for dependency in _dependencies(resource, evaluation):
            for earlier in (dependency, *descendants.get(dependency, ())):
                needs[urn] |= needs.get(earlier, set()) | ({earlier} & objects)
        ancestor = resource.parent
        while ancestor in evaluation.resources:
            descendants.setdefault(ancestor, []).append(urn)
            ancestor = evaluation.resources[ancestor].parent
    return needs


def _dependencies(resource: Resource, evaluation: Evaluation) -> set[str]:
    found = {resource.provider, *resource.dependencies}.union(*resource.property_dependencies.values())
    parent = evaluation.resources.get(resource.parent)
    if parent and parent.custom:
        found.add(parent.urn)
    return found


def _defines(definition: KubernetesObject) -> tuple[str, str]:
    spec = definition.manifest["spec"]
    return spec["group"], spec["names"]["kind"]


def _rank(kind: str) -> int:
    if kind in _FIRST:
        return 0
    return 1 if kind in _SECOND else 2
