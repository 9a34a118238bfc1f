"""How pods leave: what the load balancer still sends them, what they still answer, and when they are killed."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.odoo import OdooPod
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.sums import Sum
from guardrails.traefik.proxy import Traefik

LAG = limit(
    "load-balancer-lag-seconds",
    120,
    "Seconds that a network load balancer goes on sending to a target that was taken out, whatever its setting "
    "(aws-load-balancer-controller#2366).",
)

KUBERNETES_GRACE: Final = 30
ODOO_TIME_REAL: Final = 120
"""Defaults of Kubernetes, and of Odoo for one request."""


@stack_rule(
    "ing-07",
    of=(kinds.DEPLOYMENT, kinds.DAEMON_SET, kinds.STATEFUL_SET),
    severity=Severity.HIGH,
    says="A Traefik pod that ends serves as long as the load balancer may send to it, then finishes what is under way.",
    why="A network load balancer sends to a pod for two minutes after it was taken out. What it sends to one that has "
    "ended is lost: a third of all requests in every rollout.",
    fix="preStop of at least the load balancer's delay, graceTimeOut of the longest request, and a "
    "terminationGracePeriodSeconds of both and a little",
    scenario="Traefik is updated at noon, and no checkout breaks.",
    implies=("ing-13",),
)
def edge_leaves_late(resource: Resource, graph: Graph) -> Iterable[Violation]:
    for proxy in graph.routing.proxies:
        if proxy.resource is resource:
            yield from _drains(proxy, graph)


def _drains(proxy: Traefik, graph: Graph) -> Iterator[Violation]:
    asleep = pre_stop_seconds(proxy.container)
    points = proxy.public or set(proxy.entry_points)
    lifecycles = {point: f"entrypoints.{point}.transport.lifecycle" for point in points}
    accepting = {each: proxy.duration(f"{flag}.requestacceptgracetimeout", "0s") for each, flag in lifecycles.items()}
    finishing = {each: proxy.duration(f"{flag}.gracetimeout", "10s") for each, flag in lifecycles.items()}
    lag = graph.config.number(LAG)
    longest = _longest_request(graph)
    for point in sorted(points):
        serves = Sum()
        serves.add("preStop", (asleep, "s"))
        serves.add("requestAcceptGraceTimeout", (accepting[point], "s"))
        if serves.total < lag:
            yield Violation(proxy.resource, f"{point} serves {serves} s; the load balancer sends for {lag:g} s")
        leaves = Sum([*serves.terms])
        leaves.add("graceTimeOut", (finishing[point], "s"))
        for balancer in proxy.load_balancers:
            if leaves.total < (delay := balancer.deregistration_seconds):
                yield Violation(proxy.resource, f"{point} is gone after {leaves} s, its target group waits {delay} s")
        if longest and finishing[point] < longest[0]:
            told = f"{longest[1]} may answer for {longest[0]} s"
            yield Violation(proxy.resource, f"{point} finishes requests for {finishing[point]} s, {told}")
    # The slowest entry point ends last; all of them wait at the same time.
    needed = Sum()
    needed.add("preStop", (asleep, "s"))
    slowest = max(points, key=lambda each: accepting[each] + finishing[each])
    needed.add("requestAcceptGraceTimeout", (accepting[slowest], "s"))
    needed.add("graceTimeOut", (finishing[slowest], "s"))
    given = proxy.workload.spec.number("terminationGracePeriodSeconds", KUBERNETES_GRACE)
    if given < needed.total:
        yield Violation(proxy.resource, f"is killed after {given} s, and needs {needed} s to end")


def _longest_request(graph: Graph) -> tuple[int, str] | None:
    """Seconds of the longest request that a route leads to, and whose it is."""
    pods = [pod for route in graph.routing.working if not route.closed for pod in route.pods]
    times = [(pod.count("limit_time_real", ODOO_TIME_REAL), pod.workload.tier) for pod in pods if not pod.is_gevent]
    return max(times, default=None)


@stack_rule(
    "ing-13",
    of=(kinds.DEPLOYMENT, kinds.STATEFUL_SET),
    severity=Severity.HIGH,
    says="An Odoo pod that ends stays until nobody sends to it, and as long as its longest request may last.",
    why="Endpoints and signal start at the same time: without a pause the edge sends to a pod that no longer listens; "
    "a pod that is killed takes its requests and jobs with it, halfway.",
    fix="a preStop of some seconds, and terminationGracePeriodSeconds of preStop + limit_time_real",
    scenario="The web tier shrinks after the evening peak, and no cart is lost.",
    implies=("ing-07",),
)
def odoo_finishes(resource: Resource, graph: Graph) -> Iterable[Violation]:
    for pod in graph.odoo_of(resource):
        if not pod.serves or not _is_routed(pod, graph):
            continue
        asleep = pre_stop_seconds(pod.container)
        if asleep <= 0:
            yield Violation(resource, "has no preStop: requests still arrive when it no longer listens")
        needed = Sum()
        needed.add("preStop", (asleep, "s"))
        needed.add("limit_time_real", (pod.count("limit_time_real", ODOO_TIME_REAL), "s"))
        given = pod.workload.spec.number("terminationGracePeriodSeconds", KUBERNETES_GRACE)
        if given < needed.total:
            yield Violation(resource, f"is killed after {given} s, and needs {needed} s to end")


def _is_routed(pod: OdooPod, graph: Graph) -> bool:
    """Whether a Service leads to it."""
    services = (each for each in graph.all(kinds.SERVICE) if each.namespace == pod.workload.namespace)
    selectors = (each.texts("spec.selector") for each in services)
    return any(selector and selector.items() <= pod.workload.labels.items() for selector in selectors)


def pre_stop_seconds(container: Node) -> int | float:
    """How long a container goes on before it is told to end; 0 where it has no preStop that sleeps."""
    hook = container.at("lifecycle.preStop")
    if hook.has("sleep"):
        return hook.number("sleep.seconds")
    words = hook.words("exec.command")
    found = re.search(r"\bsleep\s+([0-9]+)\b", " ".join(words))
    return int(found[1]) if found else 0
