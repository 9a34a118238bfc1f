"""Limits: how much of what comes is let in. Traefik counts in each replica and by each route for itself."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.ing.routes import LANGUAGES, RPC, WEBHOOKS, once
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.sums import Sum
from guardrails.traefik.matching import Request
from guardrails.traefik.routing import Route

LOGINS: Final = ("/web/login", "/web/session/authenticate", "/web/reset_password", "/web/signup")

LOGINS_PER_MINUTE = limit(
    "logins-per-minute",
    20,
    "Logins of one address in a minute, over all replicas of the edge. Five is for one person; a store is one address.",
)
PAGE_REQUESTS = limit(
    "page-requests",
    60,
    "Requests a second of one address that any route may let in for each replica: a page of Odoo asks for some fifty.",
)
QUEUE_FACTOR = limit(
    "queue-factor", 8, "Requests let in for each worker of a tier: what a prefork server itself lets wait."
)


@stack_rule(
    "ing-03",
    severity=Severity.HIGH,
    says="Logins, remote calls and webhooks have a rate limit for each address and a room for requests under way.",
    why="They are what robots and retries hit. Traefik counts in each replica for itself: what is let in is the limit "
    "times the replicas, which the message shows. A rate of 0 is no limit to Traefik.",
    fix="rateLimit (by address) and inFlightReq on every route of these paths; divide the total by the edge's replicas",
    scenario="A leaked password list is tried on the shop's login in the night before the sales.",
    implies=("ing-02", "ing-05", "ing-06", "ing-11", "ing-12"),
)
def guessing_is_slow(graph: Graph) -> Iterable[Violation]:
    def found() -> Iterator[Violation]:
        for paths, languages in ((LOGINS, LANGUAGES), (RPC, LANGUAGES), (WEBHOOKS, ("",))):
            for path in paths:
                for host in graph.routing.hosts:
                    for language in languages:
                        for route in graph.routing.answering(Request(host, f"{language}{path}", "POST")):
                            if not route.closed:
                                yield from _limited(route, path, graph)

    yield from once(found())


def _limited(route: Route, path: str, graph: Graph) -> Iterator[Violation]:
    what = "logins" if path in LOGINS else "remote calls" if path in RPC else "webhooks"
    rates = [each for each in route.of_kind("rateLimit") if each.per_minute > 0 and each.source == "address"]
    if not rates:
        yield Violation(route.resource, f"{what} have no rate limit for each address")
    rooms = [each for each in route.of_kind("inFlightReq") if each.amount > 0]
    if not rooms:
        yield Violation(route.resource, f"{what} have no limit on requests under way")
    if not rates:
        return
    tightest = min(rates, key=lambda each: each.per_minute)
    total = Sum()
    total.add(f"{what} a minute", (tightest.per_minute, "a replica"), (route.edge.replicas, "replicas"))
    at_once = Sum()
    at_once.add(f"{what} at once", (tightest.burst, "a replica"), (route.edge.replicas, "replicas"))
    if path in LOGINS:
        allowed = graph.config.number(LOGINS_PER_MINUTE)
        for each in (total, at_once):
            if each.total > allowed:
                yield Violation(tightest.resource, f"one address may try {each}, more than {allowed:g}")
        return
    allowed = max(_answered(route, graph), graph.config.number(PAGE_REQUESTS) * float(route.edge.replicas)) * 60
    if total.total > allowed:
        yield Violation(tightest.resource, f"one address may send {total}; the tier answers {allowed:g} at its ceiling")


def _answered(route: Route, graph: Graph) -> float:
    """Requests a second that the pods behind a route answer at their ceiling."""
    served = 0.0
    for pod in route.pods:
        milliseconds = graph.contract.given.number(f"serviceTimeMs.{pod.workload.tier}", 1000)
        served += float(pod.workload.ceiling) * pod.http_processes * 1000 / max(1, milliseconds)
    return served


@stack_rule(
    "ing-04",
    of=kinds.INGRESS_ROUTE,
    severity=Severity.HIGH,
    says="Nothing that changes something is sent twice: no retry on routes that take POST, and no mirror.",
    why="Odoo's calls are POST, and a call that timed out may have been carried out: repeated, it sells twice or pays "
    "twice.",
    fix="take the retry middleware off, or the route's Method down to GET and HEAD",
    scenario="The database stalls for five seconds at the till, and no customer pays twice.",
    implies=("ing-02", "ing-11"),
)
def never_twice(resource: Resource, graph: Graph) -> Iterable[Violation]:
    for route in graph.routing.routes:
        if route.resource is not resource:
            continue
        for middleware in route.of_kind("retry"):
            name = middleware.resource.object_name
            if middleware.at("retry").flag("retryNonIdempotentMethod", False):
                yield Violation(resource, f"{name} repeats every method")
            elif any(route.rule.takes(Request(None, None, method)) is not False for method in ("POST", "PATCH", "PUT")):
                yield Violation(resource, f"{name} may repeat a POST")
        for target in route.services:
            if target.node.has("mirrors"):
                yield Violation(resource, "sends a copy of every request elsewhere")


@stack_rule(
    "ing-05",
    severity=Severity.MEDIUM,
    says="What the edge lets in for a tier is what its workers, at their ceiling, and a short queue can hold.",
    why="What waits longer than a worker's queue times out after its work was done. Traefik keeps a room for each "
    "route, replica and host: the sum over all of them is what a tier gets.",
    fix="lower the amount of inFlightReq: workers x queue factor / replicas, shared among the tier's routes and hosts",
    scenario="The doors open: the shop answers 429 at once to what it can't serve, and serves the rest.",
    implies=("db-13", "ing-02", "ing-03", "ing-11", "peak-11"),
)
def room_for_all(graph: Graph) -> Iterable[Violation]:
    rooms: dict[str, Sum] = {}
    capacity: dict[str, Sum] = {}
    for route in graph.routing.working:
        pods = [pod for pod in route.pods if pod.http_processes and not pod.is_gevent]
        if route.closed or not pods:
            continue
        tier = pods[0].workload.resource.where
        if tier not in capacity:
            capacity[tier] = Sum()
            for pod in pods:
                factor = graph.config.number(QUEUE_FACTOR)
                factors = (pod.workload.ceiling, "pods"), (pod.http_processes, "workers"), (factor, "each")
                capacity[tier].add(pod.workload.tier, *factors)
        by_host = [each for each in route.of_kind("inFlightReq") if each.source == "host"]
        if not by_host:
            yield Violation(route.resource, "has no limit on the requests that are under way in it")
            continue
        amount = min(each.amount for each in by_host)
        hosts = max(1, len(route.rule.hosts))
        by_route = (amount, "requests"), (route.edge.replicas, "replicas"), (hosts, "hosts")
        rooms.setdefault(tier, Sum()).add(route.name, *by_route)
    for tier, room in rooms.items():
        if room.total > capacity[tier].total:
            yield Violation(None, f"{tier} is sent {room}, and holds {capacity[tier]}")
