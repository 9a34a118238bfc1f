"""Hosts: whose they are, and the certificates for them."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.durations import seconds
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule

RENEWAL_DAYS = limit(
    "certificate-renewal-days", 30, "Days before its end that a certificate is renewed, at least: time to mend it."
)

DAY: Final = 86400
LIFETIME_DAYS: Final = 90
"""cert-manager's default."""


@stack_rule(
    "ing-08",
    of=kinds.INGRESS_ROUTE,
    severity=Severity.HIGH,
    says="Every host is one retailer's own and has a certificate of cert-manager, renewed so early that no freeze "
    "needs a renewal.",
    why="A host of two namespaces, or a pattern, is answered by whoever wins. A certificate that ends in a freeze ends "
    "the shop, and nothing may be changed then. cert-manager takes renewBefore, or renewBeforePercentage of the life.",
    fix="literal Host() under the contract's domain; a Certificate for all of them into the route's Secret, with "
    "renewBefore of 30 days and the longest freeze at least",
    scenario="The DNS provider is down in the week before Christmas, and the certificate lasts until it is back.",
    implies=("ing-02", "ing-03", "ing-05", "ing-11", "ing-12"),
    protects=Protects.ROUTING,
)
def own_hosts(resource: Resource, graph: Graph) -> Iterable[Violation]:
    routes = [each for each in graph.routing.routes if each.resource is resource]
    domain = graph.contract.given.text("domain", "").lower()
    for route in routes:
        if not route.rule.is_for_hosts:
            yield Violation(resource, "takes hosts that it does not name: another retailer's may be among them")
        for host in sorted(route.rule.hosts):
            if "*" in host:
                yield Violation(resource, f"takes {host}, whoever's it is")
            if domain and host != domain and not host.endswith(f".{domain}"):
                yield Violation(resource, f"takes {host}, which is not under {domain}")
            yield from _shared(resource, host, graph)
            yield from _certified(resource, host, graph)


def _shared(resource: Resource, host: str, graph: Graph) -> Iterator[Violation]:
    others = {
        each.resource.namespace
        for each in graph.routing.routes
        if each.resource.namespace != resource.namespace and host in each.rule.hosts
    }
    if others:
        yield Violation(resource, f"{host} is taken in namespace {', '.join(sorted(others))} as well")


def _certified(resource: Resource, host: str, graph: Graph) -> Iterator[Violation]:
    secret = resource.text("spec.tls.secretName", "")
    if not secret:
        yield Violation(resource, f"names no Secret with a certificate for {host}")
        return
    made = [
        each
        for each in graph.all(kinds.CERTIFICATE)
        if each.namespace == resource.namespace and each.text("spec.secretName") == secret
    ]
    if not made:
        yield Violation(resource, f"no Certificate makes its Secret {secret}")
    for certificate in made:
        names = [each.lower() for each in certificate.words("spec.dnsNames")]
        if not any(_covers(name, host) for name in names):
            yield Violation(certificate, f"is not for {host}")


def _covers(name: str, host: str) -> bool:
    return name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:])


@stack_rule(
    "ing-15",
    of=kinds.CERTIFICATE,
    severity=Severity.HIGH,
    says="A certificate is renewed with 30 days and the longest freeze left of it, with a new key, by an issuer that "
    "is there.",
    why="Issuers shorten lives (Let's Encrypt to 64 days in 2027 and 45 in 2028): what counts is the time that is left "
    "at the start of a freeze. The part of ing-08 that a Certificate shows by itself.",
    fix="renewBeforePercentage of (the longest freeze and a week) / life, 34 at least, or renewBefore of as long",
    scenario="The freeze lasts from November to January, and no certificate ends in it.",
    implies=("ing-08",),
)
def outlives_freezes(certificate: Resource, graph: Graph) -> Iterable[Violation]:
    life = _seconds(certificate.at("spec.duration"), LIFETIME_DAYS * DAY)
    if certificate.has("spec.renewBefore") and certificate.has("spec.renewBeforePercentage"):
        yield Violation(certificate, "has both renewBefore and renewBeforePercentage: cert-manager takes neither")
        return
    share = certificate.number("spec.renewBeforePercentage", None)
    left = _seconds(certificate.at("spec.renewBefore"), life / 3) if share is None else life * share / 100
    if not 0 < left < life:
        yield Violation(certificate, f"is renewed with {left / DAY:g} days left of {life / DAY:g}: never, or always")
        return
    longest = max(((each.end - each.start).total_seconds() for each in graph.contract.freezes), default=0)
    for least, why in ((graph.config.number(RENEWAL_DAYS) * DAY, "to mend it"), (longest, "for the longest freeze")):
        if left < least:
            yield Violation(
                certificate,
                f"is renewed with {left / DAY:.1f} of {life / DAY:g} days left, {least / DAY:.1f} are needed {why}",
            )
    if (rotation := certificate.text("spec.privateKey.rotationPolicy", "Never")) != "Always":
        yield Violation(certificate, f"keeps its private key at every renewal: rotationPolicy {rotation}")
    yield from _issued(certificate, graph)


def _issued(certificate: Resource, graph: Graph) -> Iterator[Violation]:
    issuer = certificate.at("spec.issuerRef")
    name, kind = issuer.text("name"), issuer.text("kind", "Issuer")
    if issuer.text("group", "cert-manager.io") != "cert-manager.io":
        return
    if kind == "ClusterIssuer":
        found = [each for each in graph.all(kinds.CLUSTER_ISSUER) if each.object_name == name]
        # Of the platform's stack where the cluster is.
        if not found and graph.contract.owns_cluster:
            yield Violation(certificate, f"its ClusterIssuer {name} is not there")
    elif not graph.named(kinds.ISSUER, certificate.namespace, name):
        yield Violation(certificate, f"its Issuer {name} is not there")


def _seconds(node: Node, default: float) -> float:
    return float(seconds(node)) if node.has() else default
