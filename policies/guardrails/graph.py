"""Everything a stack declares, as stack rules see it: inputs as recorded, and what is made from what."""

from collections.abc import Iterable
from functools import cached_property

from guardrails.config import Config
from guardrails.contract import Contract, find
from guardrails.kubernetes.scaling import Scalers
from guardrails.kubernetes.workloads import Workload, workloads_of
from guardrails.odoo import OdooPod, odoo_pods_of
from guardrails.resource import Resource, family
from guardrails.traefik.routing import Routing
from guardrails.windows import Window, active


class Graph:
    """All resources of a stack, each with its inputs, and views of them.

    A preview knows few ids: resources belong together by names and labels, or because an input of one was made from
    the other (`sources`, `users`).
    """

    def __init__(self, resources: Iterable[Resource], config: Config) -> None:
        self.config = config
        self.resources: dict[str, Resource] = {resource.urn: resource for resource in resources}
        self._by_family: dict[str, list[Resource]] = {}
        for resource in self.resources.values():
            self._by_family.setdefault(resource.family, []).append(resource)

    @cached_property
    def contract(self) -> Contract:
        """What the retailer was promised. Unjudged where the stack has no contract."""
        return find(self.resources.values())

    @property
    def freeze(self) -> Window | None:
        """The freeze that binds now; none does in a rehearsal."""
        return None if self.config.rehearsal else active(self.contract.freezes, self.config.now)

    def all(self, *types: str) -> list[Resource]:
        """The resources of these types."""
        return [resource for each in types for resource in self._by_family.get(family(each), ())]

    def named(self, type_token: str, namespace: str, name: str) -> Resource | None:
        """The Kubernetes object of this type, namespace and name."""
        return next(
            (each for each in self.all(type_token) if (each.namespace, each.object_name) == (namespace, name)), None
        )

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
        return [each for each in self.all(*types) if resource in self.sources(each, key, resource.type)]

    def above(self, resource: Resource) -> Iterable[Resource]:
        """The components that a resource is part of, the nearest first."""
        while (parent := self.resources.get(resource.parent)) is not None:
            yield parent
            resource = parent

    @cached_property
    def scalers(self) -> Scalers:
        """Who scales which workload."""
        return Scalers(self)

    @cached_property
    def routing(self) -> Routing:
        """Edges, their routes, and who answers a request."""
        return Routing(self)

    @cached_property
    def workloads(self) -> list[Workload]:
        """Everything that runs pods of the program's own: Kubernetes workloads, PostgreSQL instances and poolers."""
        return [workload for resource in self.resources.values() for workload in workloads_of(resource, self)]

    def odoo_of(self, resource: Resource) -> list[OdooPod]:
        """The containers of a workload that run Odoo."""
        return [pod for workload in workloads_of(resource, self) for pod in odoo_pods_of(workload, self)]

    @cached_property
    def odoo(self) -> list[OdooPod]:
        """Every container of the stack that runs Odoo."""
        return [pod for workload in self.workloads for pod in odoo_pods_of(workload, self)]
