"""Everything a stack declares, as stack rules see it: inputs as recorded, and what is made from what."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar

from guardrails.archives import Kept
from guardrails.changes import Change, changes
from guardrails.config import Config
from guardrails.contract import Contract, find
from guardrails.kinds import EKS_NODE_GROUP, NODE_POOL, POD_IDENTITY_ASSOCIATION
from guardrails.kubernetes.nodes import NodeSet
from guardrails.kubernetes.rooms import rooms
from guardrails.kubernetes.scaling import Scalers
from guardrails.kubernetes.workloads import Workload, runs_pods
from guardrails.odoo import OdooPod, odoo_pods_of
from guardrails.parties import Party, parties
from guardrails.reading import Unjudged
from guardrails.resource import Resource, family
from guardrails.traefik.routing import Routing
from guardrails.windows import Window

T = TypeVar("T")


class Graph:
    """All resources of a stack, each with its inputs, and views of them.

    A preview knows few ids: resources belong together by names and labels, or because an input of one was made from
    the other (`sources`, `users`).
    """

    def __init__(self, resources: Iterable[Resource], config: Config) -> None:
        self.config = config
        self.resources: dict[str, Resource] = {resource.urn: resource for resource in resources}
        self._odoo: dict[str, list[OdooPod]] = {}
        self._views: dict[Callable[[Graph], Any], Any] = {}
        self._users: dict[tuple[str, str, tuple[str, ...]], dict[str, list[Resource]]] = {}
        self._by_family: dict[str, list[Resource]] = {}
        for resource in self.resources.values():
            self._by_family.setdefault(resource.family, []).append(resource)

    def view(self, make: Callable[["Graph"], T]) -> T:
        """What `make` finds in this stack, found once: for what many resources are asked about."""
        if make not in self._views:
            self._views[make] = make(self)
        found: T = self._views[make]
        return found

    @cached_property
    def contract(self) -> Contract:
        """What the retailer was promised. Unjudged where the stack has no contract."""
        return find(self.resources.values())

    @property
    def freeze(self) -> Window | None:
        """The freeze that binds now; none does in a rehearsal."""
        return self.config.freeze(self.contract.freezes)

    def all(self, *types: str) -> list[Resource]:
        """The resources of these types."""
        return [resource for each in types for resource in self._by_family.get(family(each), ())]

    def within(self, namespace: str, *types: str) -> list[Resource]:
        """The Kubernetes objects of these types in a namespace."""
        return [resource for each in types for resource in self._by_place.get((family(each), namespace), ())]

    def named(self, type_token: str, namespace: str, name: str) -> Resource | None:
        """The Kubernetes object of this type, namespace and name."""
        return next((each for each in self.within(namespace, type_token) if each.object_name == name), None)

    @cached_property
    def _by_place(self) -> dict[tuple[str, str], list[Resource]]:
        """By family and namespace. What says no readable namespace is in all of them: rules that look must find it."""
        placed: dict[tuple[str, str], list[Resource]] = {}
        unplaced: list[Resource] = []
        for resource in self.resources.values():
            if resource.is_kubernetes:
                try:
                    placed.setdefault((resource.family, resource.namespace), []).append(resource)
                except Unjudged:
                    unplaced.append(resource)
        for resource in unplaced:
            for kind, namespace in list(placed):
                if kind == resource.family:
                    placed[kind, namespace].append(resource)
        return placed

    def sources(self, resource: Resource, key: str, *types: str) -> list[Resource]:
        """Resources of these types that the input `key` was made from, however many others it came through.

        The nearest only: what a source was itself made from is not looked at.
        """
        wanted = {family(each) for each in types}
        layer, seen = list(resource.made_from.get(key, ())), set(resource.made_from.get(key, ()))
        while layer:
            found = [self.resources[urn] for urn in layer if urn in self.resources]
            if hits := [each for each in found if each.family in wanted]:
                return hits
            behind = {urn for each in found for urns in each.made_from.values() for urn in urns} - seen
            seen |= behind
            layer = sorted(behind)
        return []

    def users(self, resource: Resource, key: str, *types: str) -> list[Resource]:
        """Resources of these types whose input `key` was made from `resource`: a bucket's policy, versioning, ..."""
        asked = (resource.family, key, types)
        if asked not in self._users:
            found: dict[str, list[Resource]] = {}
            for each in self.all(*types):
                for source in self.sources(each, key, resource.type):
                    found.setdefault(source.urn, []).append(each)
            self._users[asked] = found
        return list(self._users[asked].get(resource.urn, ()))

    def means(self, part: Resource, path: str, named: Resource) -> bool:
        """Whether `path` of `part` is the name of `named`; where either is not known, whether it was made from it."""
        if part.known(path) and named.known("name") and named.has("name"):
            return part.text(path, "") == named.text("name")
        return named in self.sources(part, path.partition(".")[0], named.type)

    def above(self, resource: Resource) -> Iterable[Resource]:
        """The components that a resource is part of, the nearest first."""
        while (parent := self.resources.get(resource.parent)) is not None:
            yield parent
            resource = parent

    @property
    def stack(self) -> str:
        """Its name, out of the URNs."""
        urn = next(iter(self.resources), "")
        return urn.split(":")[2] if urn.count(":") > 2 else ""

    @cached_property
    def changes(self) -> list[Change]:
        """What is not as it was released; nothing where there is no baseline."""
        release = self.config.before
        return list(changes(self, release)) if release else []

    @cached_property
    def kept(self) -> Kept:
        """Where its data is kept: archives, attachments, copies."""
        return Kept(self)

    @cached_property
    def scalers(self) -> Scalers:
        """Who scales which workload."""
        return Scalers(self)

    @cached_property
    def rooms(self) -> dict[str, Resource | None]:
        """The namespaces that are its own, by name; None for one that it does not make."""
        return rooms(self)

    @cached_property
    def parties(self) -> list[Party]:
        """Every kind of pod, as the network sees it."""
        return parties(self)

    @cached_property
    def aws_accounts(self) -> set[tuple[str, str]]:
        """Namespace and ServiceAccount of the pods that have an AWS role; those that can't be read are left out."""
        listed = self.all(POD_IDENTITY_ASSOCIATION)
        known = [each for each in listed if each.known("namespace") and each.known("serviceAccount")]
        return {(each.text("namespace", ""), each.text("serviceAccount", "")) for each in known}

    @cached_property
    def routing(self) -> Routing:
        """Edges, their routes, and who answers a request."""
        return Routing(self)

    @cached_property
    def workloads(self) -> list[Workload]:
        """Everything that runs pods of the program's own: Kubernetes workloads, PostgreSQL instances and poolers."""
        return list(self._workload_of.values())

    def workload(self, resource: Resource) -> Workload:
        """The workload that `resource` is."""
        return self._workload_of[resource.urn]

    @cached_property
    def _workload_of(self) -> dict[str, Workload]:
        return {urn: Workload(resource, self) for urn, resource in self.resources.items() if runs_pods(resource)}

    @cached_property
    def node_sets(self) -> list[NodeSet]:
        """Every managed node group and Karpenter pool that the stack declares."""
        return [NodeSet(resource) for resource in self.all(EKS_NODE_GROUP, NODE_POOL)]

    def odoo_of(self, resource: Resource) -> list[OdooPod]:
        """The containers of a workload that run Odoo."""
        if resource.urn not in self._odoo:
            self._odoo[resource.urn] = odoo_pods_of(self.workload(resource), self)
        return self._odoo[resource.urn]

    @property
    def odoo(self) -> list[OdooPod]:
        """Every container of the stack that runs Odoo."""
        return [pod for workload in self.workloads for pod in self.odoo_of(workload.resource)]
