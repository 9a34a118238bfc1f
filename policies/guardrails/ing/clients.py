"""Whose word is taken on where a request comes from."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.traefik.middlewares import Middleware, network, trusts_a_header
from guardrails.traefik.proxy import Traefik

Block = IPv4Network | IPv6Network


@stack_rule(
    "ing-06",
    of=(kinds.DEPLOYMENT, kinds.DAEMON_SET, kinds.STATEFUL_SET, kinds.MIDDLEWARE),
    severity=Severity.CRITICAL,
    says="A client's address is the load balancer's word alone, never a client's own.",
    why="Rate limits and allow lists count by address. Who may name his own is never limited, and inside every allow "
    "list; where the load balancer's is not read, all visitors are one.",
    fix="proxyProtocol and forwardedHeaders trustedIPs of the load balancer's subnets on every public entry point, "
    "insecure never; proxy_protocol_v2.enabled=true on the target groups; no depth, excludedIPs or header in limits",
    scenario="A login robot writes a new X-Forwarded-For into every try, and is counted all the same.",
    implies=("ing-02", "ing-03", "ing-05"),
)
def true_addresses(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.kind == "Middleware":
        yield from _strategies(Middleware(resource))
        return
    for pod in graph.odoo_of(resource):
        if pod.serves and "--proxy-mode" not in pod.argv and _off(pod.text("proxy_mode", "False")):
            yield Violation(resource, "proxy_mode is off: Odoo takes the edge for every visitor, and links to http")
    for proxy in graph.routing.proxies:
        if proxy.resource is resource:
            yield from _trusted(proxy, graph)
            yield from _told(proxy)


def _off(text: str | None) -> bool:
    return (text or "").strip().lower() not in ("true", "1", "yes", "on")


def _strategies(middleware: Middleware) -> Iterator[Violation]:
    allowed = middleware.at("ipAllowList")
    counted = [middleware.at(f"{kind}.sourceCriterion") for kind in ("rateLimit", "inFlightReq")]
    for strategy in (allowed.at("ipStrategy"), *(each.at("ipStrategy") for each in counted)):
        if strategy.has() and trusts_a_header(strategy):
            yield Violation(middleware.resource, "takes the address out of X-Forwarded-For, which clients write")
    for each in counted:
        if header := each.text("requestHeaderName", ""):
            yield Violation(middleware.resource, f"counts by the header {header}, which clients write")


def _trusted(proxy: Traefik, graph: Graph) -> Iterator[Violation]:
    subnets = _load_balancer_subnets(graph)
    for point in proxy.entry_points:
        for kind in ("proxyprotocol", "forwardedheaders"):
            flag = f"entrypoints.{point}.{kind}"
            if proxy.on(f"{flag}.insecure"):
                yield Violation(proxy.resource, f"{flag}.insecure is on")
            trusted = [network(Node(proxy.resource, flag, each)) for each in proxy.listed(f"{flag}.trustedips")]
            if strange := [each for each in trusted if not _within(each, subnets)]:
                listed = ", ".join(map(str, strange))
                yield Violation(proxy.resource, f"{flag}.trustedips has {listed}, beyond the load balancer's subnets")
            if point in proxy.public and (missing := [each for each in subnets if not _within(each, trusted)]):
                listed = ", ".join(map(str, missing))
                yield Violation(proxy.resource, f"{flag}.trustedips lacks {listed}: its visitors are all one")


def _told(proxy: Traefik) -> Iterator[Violation]:
    for balancer in proxy.load_balancers:
        told = balancer.attributes("target-group-attributes").get("proxy_protocol_v2.enabled", "false").lower()
        if told != "true" and balancer.annotation("proxy-protocol") != "*":
            yield Violation(balancer.service, "proxy_protocol_v2 is off: every request comes from the load balancer")


def _load_balancer_subnets(graph: Graph) -> list[Block]:
    """Of the stack's own network, else as the contract has them: those that AWS's controller puts a public one in."""
    own = [each for each in graph.all(kinds.SUBNET) if each.texts("tags").get("kubernetes.io/role/elb") == "1"]
    if own:
        return [network(each.at("cidrBlock")) for each in own]
    return [network(each) for each in graph.contract.given.items("loadBalancerCidrs")]


def _within(block: Any, wider: list[Block]) -> bool:
    return any(block.version == each.version and block.subnet_of(each) for each in wider)
