"""Routes as an edge takes them up: which are in force, and which of them answers a request."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from guardrails import kinds
from guardrails.kubernetes.workloads import Workload
from guardrails.odoo import OdooPod, odoo_pods_of
from guardrails.reading import Node, Unjudged
from guardrails.resource import Resource
from guardrails.traefik.matching import Request, Rule, read_rule
from guardrails.traefik.middlewares import Middleware, flat
from guardrails.traefik.proxy import Traefik, traefiks

if TYPE_CHECKING:
    from guardrails.graph import Graph

EDGE_LABEL = "retail/edge"


@dataclass(frozen=True)
class Edge:
    """One Traefik and what it takes up: objects with these labels, in these namespaces (all where empty).

    `proxy` is None where it runs in another stack, which the contract then speaks for.
    """

    labels: dict[str, str]
    namespaces: tuple[str, ...]
    replicas: int | float
    proxy: Traefik | None

    def takes(self, resource: Resource) -> bool:
        here = not self.namespaces or resource.namespace in self.namespaces
        return here and self.labels.items() <= resource.labels.items()

    def __str__(self) -> str:
        labels = ",".join(f"{key}={value}" for key, value in sorted(self.labels.items()))
        return f"the edge of {labels or 'everything'}"


class Route:
    """One rule of an IngressRoute. `broken` says why Traefik leaves it out; empty where it is in force."""

    def __init__(self, resource: Resource, node: Node, edge: Edge, routing: "Routing") -> None:
        self.resource, self.node, self.edge, self._routing = resource, node, edge, routing
        self.broken = ""
        self.middlewares: list[Middleware] = []
        self.rule: Rule = read_rule(node.at("match"))
        self.priority = node.number("priority", 0) or len(node.text("match"))
        references = node.items("middlewares")
        for reference in [*references, *routing.of_entry_points(edge, resource)]:
            self._add(reference.text("name"), reference.text("namespace", resource.namespace))
        self.middlewares = list(flat(self.middlewares, routing.middlewares))
        for middleware in self.middlewares:
            for reference in middleware.at("chain").items("middlewares"):
                key = (reference.text("namespace", middleware.resource.namespace), reference.text("name"))
                if key not in routing.middlewares:
                    self.broken = f"middleware {key[1]} is not there"
        self.services = [self._service(each) for each in node.items("services")]
        if not self.services:
            self.broken = self.broken or "it names no Service"

    def _add(self, name: str, namespace: str) -> None:
        found = self._routing.middlewares.get((namespace, name))
        if namespace != self.resource.namespace:
            self.broken = f"middleware {name} is in another namespace"
        elif found is None:
            self.broken = f"middleware {name} is not there"
        elif not self.edge.takes(found.resource):
            self.broken = f"middleware {name} is not taken up by {self.edge}"
        else:
            self.middlewares.append(found)

    def _service(self, node: Node) -> "Target":
        target = Target(node, self.resource, self._routing.graph)
        if target.kind == "Service" and target.service is None and target.namespace == self.resource.namespace:
            self.broken = self.broken or f"Service {target.name} is not there"
        return target

    @cached_property
    def closed(self) -> bool:
        """Whether it lets nobody in."""
        return any(each.closes for each in self.middlewares)

    def of_kind(self, kind: str) -> list[Middleware]:
        return [each for each in self.middlewares if each.is_a(kind)]

    @cached_property
    def pods(self) -> list[OdooPod]:
        """Odoo behind it."""
        return [pod for target in self.services for pod in target.pods]

    @cached_property
    def tiers(self) -> set[str]:
        return {workload.tier for target in self.services for workload in target.workloads}

    @property
    def name(self) -> str:
        return self.resource.object_name


@dataclass(frozen=True)
class Target:
    """One of the services that a route leads to."""

    node: Node
    route: Resource
    graph: "Graph"

    @property
    def kind(self) -> str:
        return self.node.text("kind", "Service")

    @property
    def name(self) -> str:
        return self.node.text("name")

    @property
    def namespace(self) -> str:
        return self.node.text("namespace", self.route.namespace)

    @cached_property
    def service(self) -> Resource | None:
        return self.graph.named(kinds.SERVICE, self.namespace, self.name) if self.kind == "Service" else None

    @cached_property
    def workloads(self) -> list[Workload]:
        """Workloads whose pods the Service selects."""
        selector = self.service.texts("spec.selector") if self.service else {}
        if not selector:
            return []
        listed = (each for each in self.graph.workloads if each.stays and each.namespace == self.namespace)
        return [each for each in listed if selector.items() <= each.labels.items()]

    @cached_property
    def pods(self) -> list[OdooPod]:
        return [pod for workload in self.workloads for pod in odoo_pods_of(workload, self.graph)]


class Routing:
    """All edges of a stack with their routes."""

    def __init__(self, graph: "Graph") -> None:
        self.graph = graph
        self._answers: dict[Request, list[Route]] = {}
        self.middlewares = {
            (each.namespace, each.object_name): Middleware(each) for each in graph.all(kinds.MIDDLEWARE)
        }

    @cached_property
    def proxies(self) -> list[Traefik]:
        return traefiks(self.graph)

    @cached_property
    def edges(self) -> list[Edge]:
        """Those of the stack's own, or the platform's, which its contract names."""
        if self.proxies:
            return [
                Edge(
                    labels=_selector(each),
                    namespaces=tuple(each.listed("providers.kubernetescrd.namespaces")),
                    replicas=each.replicas,
                    proxy=each,
                )
                for each in self.proxies
            ]
        contract = self.graph.contract
        if not contract.serves_retailer:
            return []
        return [Edge({EDGE_LABEL: contract.given.text("edge")}, (), contract.count("edgeReplicas"), None)]

    @cached_property
    def routes(self) -> list[Route]:
        """Every route that an edge takes up, whether it is in force or left out."""
        return [
            Route(resource, node, edge, self)
            for resource in self.graph.all(kinds.INGRESS_ROUTE)
            for edge in self.edges
            if edge.takes(resource)
            for node in resource.items("spec.routes")
        ]

    @cached_property
    def working(self) -> list[Route]:
        """Those in force, by priority."""
        return sorted((each for each in self.routes if not each.broken), key=lambda route: -route.priority)

    @cached_property
    def hosts(self) -> list[str]:
        """Every host that a route names, a wildcard by one of its hosts."""
        return sorted({host.replace("*", "any") for route in self.routes for host in route.rule.hosts})

    def answering(self, request: Request) -> list[Route]:
        """The routes that may answer `request`: the first by priority that takes it, all of that priority, and those
        before it of which only headers or addresses tell."""
        if request not in self._answers:
            self._answers[request] = self._answering(request)
        return self._answers[request]

    def _answering(self, request: Request) -> list[Route]:
        found: list[Route] = []
        decided: int | float | None = None
        for route in self.working:
            if decided is not None and route.priority < decided:
                break
            answer = route.rule.takes(request)
            if answer is not False:
                found.append(route)
            if answer:
                decided = route.priority
        return found

    def of_entry_points(self, edge: Edge, resource: Resource) -> Iterator[Node]:
        """References to middlewares that the entry points of a route put before it."""
        if edge.proxy is None:
            return
        for point in resource.words("spec.entryPoints") or edge.proxy.entry_points:
            for name in edge.proxy.listed(f"entrypoints.{point.lower()}.http.middlewares"):
                namespace, _, rest = name.partition("@")[0].partition("-")
                full = {f"{space}-{name}": (space, name) for space, name in self.middlewares}
                space, found = full.get(name.partition("@")[0], (namespace, rest))
                yield Node(resource, "spec.entryPoints", {"name": found, "namespace": space})


def _selector(proxy: Traefik) -> dict[str, str]:
    """The labels that its objects must have. Unjudged where they are asked for in another form than `a=b,c=d`."""
    labels = {}
    for part in proxy.listed("providers.kubernetescrd.labelselector"):
        key, equals, value = part.replace("==", "=").partition("=")
        if not equals or "!" in key:
            raise Unjudged(proxy.resource, "", "selects its routes by something else than equal labels")
        labels[key.strip()] = value.strip()
    return labels
