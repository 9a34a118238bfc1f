"""What the internet reaches beside the edge."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.reading import UNKNOWN, Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.traefik.middlewares import network
from guardrails.traefik.proxy import LoadBalancer

ENDPOINT_PREFIX = limit(
    "endpoint-prefix", 16, "Widest range of addresses that may reach the API server, as the length of its prefix."
)

AWS_BALANCERS: Final = (kinds.LB, kinds.ALB, kinds.ELB)
SECURITY_GROUPS: Final = (kinds.SECURITY_GROUP, kinds.SECURITY_GROUP_RULE, kinds.SECURITY_GROUP_INGRESS_RULE)


@stack_rule(
    "ing-10",
    of=(
        kinds.SERVICE,
        kinds.INGRESS,
        kinds.GATEWAY,
        kinds.HELM_RELEASE,
        kinds.EKS_CLUSTER,
        *AWS_BALANCERS,
        *SECURITY_GROUPS,
    ),
    severity=Severity.CRITICAL,
    says="Traefik's load balancer is the only way in from the internet; the API server answers to nobody else than "
    "known addresses.",
    why="Limits, allow lists and blocked paths are Traefik's: what the internet reaches another way has none of them.",
    fix="Services of type ClusterIP, no Ingress and no Gateway; endpointPublicAccess false, or publicAccessCidrs of "
    "known ranges; no security group open to the world",
    scenario="A Service is made a LoadBalancer to try something out, and Odoo is on the internet without a limit.",
    implies=("az-08", "ing-01", "ing-06", "ing-07", "ing-09", "ing-16", "iso-04"),
)
def one_way_in(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.kind.removesuffix("Patch") == "Service":
        yield from _service(resource, graph)
    elif resource.is_kubernetes and resource.kind == "Release":
        yield from _opened(resource.at("values"), "values")
    elif resource.is_kubernetes:
        yield Violation(resource, "is a way in that goes round Traefik's routes")
    elif resource.type == kinds.EKS_CLUSTER:
        yield from _endpoint(resource, graph)
    elif resource.type in AWS_BALANCERS:
        if not resource.flag("internal", False):
            yield Violation(resource, "is a public load balancer beside Traefik's")
    else:
        yield from _world(resource)


def _service(service: Resource, graph: Graph) -> Iterator[Violation]:
    kind = service.text("spec.type", "ClusterIP")
    if service.items("spec.externalIPs"):
        yield Violation(service, "takes external addresses for itself")
    if kind == "NodePort":
        yield Violation(service, "opens a port on every node")
    if kind == "ExternalName":
        yield Violation(service, "leads out of the cluster under a name of the inside")
    balancer = LoadBalancer(service)
    if kind != "LoadBalancer" or not balancer.is_public:
        return
    if service.text("spec.loadBalancerClass", "service.k8s.aws/nlb") != "service.k8s.aws/nlb":
        yield Violation(service, "is a public load balancer of another class")
    proxies = [each for each in graph.routing.proxies if balancer.leads_to(each.workload)]
    if not proxies:
        yield Violation(service, "is a public load balancer that does not lead to Traefik")
    for proxy in proxies:
        ports = {int(port.number("port")) for port in service.items("spec.ports")}
        if strange := sorted(ports - {80, 443}):
            yield Violation(service, f"opens port {', '.join(map(str, strange))}")
        internal = {proxy.flag("ping.entrypoint", "traefik"), proxy.flag("metrics.prometheus.entrypoint", "traefik")}
        points = {proxy.entry_points.get(each.lower()) for each in internal}
        if points & balancer.target_ports(proxy.container):
            yield Violation(service, "opens the entry point of ping or metrics")


def _opened(node: Node, path: str) -> Iterator[Violation]:
    """Anything in a chart's values that makes a public Service or an Ingress."""
    value = node.raw
    if value is UNKNOWN or not isinstance(value, dict):
        return
    for key, child in node.entries().items():
        here = f"{path}.{key}"
        if key == "type" and child.known() and child.text("", "") in ("LoadBalancer", "NodePort"):
            yield Violation(child.owner, f"{here} is {child.text()}")
        is_ingress = key.lower() == "ingress" and isinstance(child.raw, dict)
        if is_ingress and (not child.known("enabled") or child.text("enabled", "false").lower() == "true"):
            yield Violation(child.owner, f"{here} is enabled")
        yield from _opened(child, here)


def _endpoint(cluster: Resource, graph: Graph) -> Iterator[Violation]:
    access = cluster.at("vpcConfig")
    if not access.flag("endpointPrivateAccess", False):
        yield Violation(cluster, "endpointPrivateAccess is off: nodes reach the API server over the internet")
    if not access.flag("endpointPublicAccess", True):
        return
    ranges = [network(each) for each in access.items("publicAccessCidrs")]
    if not ranges:
        yield Violation(cluster, "its endpoint is public without publicAccessCidrs: to the whole internet")
    shortest = graph.config.number(ENDPOINT_PREFIX)
    for each in ranges:
        least = shortest if isinstance(each, IPv4Network) else shortest * 2
        if each.prefixlen < least:
            yield Violation(cluster, f"its endpoint is open to {each}, wider than /{least:g}")


def _world(resource: Resource) -> Iterator[Violation]:
    if resource.text("type", "ingress") == "egress":
        return
    rules = resource.items("ingress") if resource.type == kinds.SECURITY_GROUP else [resource]
    for rule in rules:
        blocks = [rule.at(key) for key in ("cidrIpv4", "cidrIpv6") if rule.has(key)]
        blocks += [each for key in ("cidrBlocks", "ipv6CidrBlocks") for each in rule.items(key)]
        for block in blocks:
            found = network(block)
            if not found.is_private and found.prefixlen < (8 if found.version == 4 else 32):
                yield Violation(resource, f"lets in {found}")
